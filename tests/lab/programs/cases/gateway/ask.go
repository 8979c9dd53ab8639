// Asks by POST over connections of its own, each with pauses of its own between two requests, then holds them.
// The plan (JSON): {url, gaps_ms: [[...], ...], timeout_ms, idle_ms, hold_ms, apart_ms}; an idle_ms of 0 is no limit. What
// came of each request goes to standard output.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

var plan struct {
	Url                                    string
	Gaps_ms                                [][]int
	Timeout_ms, Idle_ms, Hold_ms, Apart_ms int
}

func pause(ms int) { time.Sleep(time.Duration(ms) * time.Millisecond) }

func converse(number int, gaps []int) {
	pause(number * plan.Apart_ms)
	client := http.Client{
		Timeout:   time.Duration(plan.Timeout_ms) * time.Millisecond,
		Transport: &http.Transport{IdleConnTimeout: time.Duration(plan.Idle_ms) * time.Millisecond},
	}
	for _, gap := range append([]int{0}, gaps...) {
		pause(gap)
		answer, err := client.Post(plan.Url, "application/json", strings.NewReader("{}"))
		if err != nil {
			// Without the address, which is the plan's.
			fmt.Println("outcome", errors.Unwrap(err))
			continue
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		fmt.Println("outcome", answer.StatusCode)
	}
	pause(plan.Hold_ms)
}

func main() {
	if err := json.Unmarshal([]byte(os.Args[1]), &plan); err != nil {
		panic(err)
	}
	var all sync.WaitGroup
	for number, gaps := range plan.Gaps_ms {
		all.Add(1)
		go func() { defer all.Done(); converse(number, gaps) }()
	}
	all.Wait()
}
