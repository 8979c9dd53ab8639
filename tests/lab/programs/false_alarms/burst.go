// burst URL: eight requests at once, three times, with a transport that keeps two connections to a host.
package main

import (
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

func main() {
	for round := 0; round < 3; round++ {
		var all sync.WaitGroup
		for number := 0; number < 8; number++ {
			all.Add(1)
			go func() {
				defer all.Done()
				response, err := http.Get(os.Args[1])
				if err != nil {
					panic(err)
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}()
		}
		all.Wait()
		time.Sleep(300 * time.Millisecond)
	}
	http.DefaultClient.CloseIdleConnections()
	time.Sleep(100 * time.Millisecond)
}
