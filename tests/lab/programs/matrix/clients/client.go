// client PLAN: see PLAN.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	missing  = 100_000
	patience = 10 * time.Minute
)

type conversation struct {
	Id, Url            string
	Steps              []string
	Idle_limit_ms      int
	Request_timeout_ms int
}

type line struct {
	Id        string  `json:"id"`
	Step      int     `json:"step"`
	What      string  `json:"what"`
	Outcome   string  `json:"outcome"`
	Status    *int    `json:"status"`
	Error     *string `json:"error"`
	Begin     float64 `json:"begin"`
	End       float64 `json:"end"`
	LocalPort *int    `json:"local_port"`
}

// Gives its text, and then nothing more before the request is given up. It has to end some time:
// the transport closes the connection in time, but does not return before its reader does.
type stall struct {
	rest  io.Reader
	limit time.Duration
}

func (s stall) Read(p []byte) (int, error) {
	if n, err := s.rest.Read(p); err == nil {
		return n, nil
	}
	time.Sleep(s.limit + 50*time.Millisecond)
	return 0, io.ErrUnexpectedEOF
}

func ask(client *http.Client, url string, stallsAfter int, said *line) error {
	method, body := "GET", io.Reader(nil)
	if stallsAfter >= 0 {
		method, body = "POST", stall{strings.NewReader(strings.Repeat("x", stallsAfter)), client.Timeout}
	}
	trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		port := got.Conn.LocalAddr().(*net.TCPAddr).Port
		said.LocalPort = &port
	}}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), method, url, body)
	if err != nil {
		return err
	}
	if stallsAfter >= 0 {
		request.ContentLength = int64(stallsAfter + missing)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	said.Status = &response.StatusCode
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func converse(told conversation, started time.Time, say func(any)) {
	transport := &http.Transport{MaxConnsPerHost: 1, DisableCompression: true,
		IdleConnTimeout: time.Duration(told.Idle_limit_ms) * time.Millisecond}
	client := &http.Client{Transport: transport, Timeout: time.Duration(told.Request_timeout_ms) * time.Millisecond}
	if client.Timeout == 0 {
		client.Timeout = patience
	}
	for step, what := range told.Steps {
		said := line{Id: told.Id, Step: step, What: what, Outcome: "done", Begin: time.Since(started).Seconds()}
		words := strings.Split(what, " ")
		var err error
		switch words[0] {
		case "get":
			err = ask(client, told.Url+words[1], -1, &said)
		case "post-stall":
			bytes, _ := strconv.Atoi(words[2])
			err = ask(client, told.Url+words[1], bytes, &said)
		case "close":
			client.CloseIdleConnections()
		case "sleep", "hold":
			ms, _ := strconv.Atoi(words[1])
			time.Sleep(time.Duration(ms) * time.Millisecond)
		default:
			panic("no step is called " + what)
		}
		if err != nil {
			text := err.Error()
			said.Outcome, said.Error = "failed", &text
			// Of the head as of the body.
			if late, is := err.(interface{ Timeout() bool }); is && late.Timeout() {
				said.Outcome = "timed-out"
			}
		}
		said.End = time.Since(started).Seconds()
		say(said)
	}
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	var plan []conversation
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var one conversation
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			panic(err)
		}
		plan = append(plan, one)
	}
	var lock sync.Mutex
	say := func(what any) {
		lock.Lock()
		defer lock.Unlock()
		text, _ := json.Marshal(what)
		os.Stdout.Write(append(text, '\n'))
	}
	started := time.Now()
	say(map[string]float64{"started": float64(started.UnixNano()) / 1e9})
	var all sync.WaitGroup
	for _, one := range plan {
		all.Go(func() { converse(one, started, say) })
	}
	all.Wait()
}
