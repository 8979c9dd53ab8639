// pool IDLE_CONN_TIMEOUT AT_ONCE ROUNDS GAP_MS URL...: so many requests at once, again after a gap, and then nothing more.
// Without a time-out of its own ("-") it is http.Get, with http.DefaultTransport.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

func main() {
	if limit, err := time.ParseDuration(os.Args[1]); err == nil {
		transport := http.DefaultTransport.(*http.Transport)
		transport.IdleConnTimeout = limit
		transport.MaxIdleConnsPerHost = 100
	}
	atOnce, _ := strconv.Atoi(os.Args[2])
	rounds, _ := strconv.Atoi(os.Args[3])
	gap, _ := strconv.Atoi(os.Args[4])
	for round := 0; round < rounds; round++ {
		if round > 0 {
			time.Sleep(time.Duration(gap) * time.Millisecond)
		}
		var all sync.WaitGroup
		for _, url := range os.Args[5:] {
			for i := 0; i < atOnce; i++ {
				all.Add(1)
				go func() {
					defer all.Done()
					response, err := http.Get(url)
					if err != nil {
						fmt.Println(err)
						return
					}
					io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}()
			}
		}
		all.Wait()
	}
	time.Sleep(10 * time.Minute)
}
