// client MODE HOST:PORT TARGET GIVE_UP_MS
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Gives its text, and then neither more nor an end.
type stall struct{ rest io.Reader }

func (s stall) Read(p []byte) (int, error) {
	if n, err := s.rest.Read(p); err == nil {
		return n, nil
	}
	select {}
}

func main() {
	mode, base, target := os.Args[1], "http://"+os.Args[2], os.Args[3]
	limit, _ := strconv.Atoi(os.Args[4])
	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	if mode == "pool-timer" {
		transport.IdleConnTimeout = 500 * time.Millisecond
	}
	client := &http.Client{Transport: transport}
	do := func(method, url string, body io.Reader, change func(*http.Request)) {
		ctx := context.Background()
		if limit > 0 && !strings.HasSuffix(url, "/fast") {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(limit)*time.Millisecond)
			defer cancel()
		}
		request, err := http.NewRequestWithContext(ctx, method, url, body)
		if err != nil {
			panic(err)
		}
		if change != nil {
			change(request)
		}
		response, err := client.Do(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		fmt.Println(response.Status, err)
	}
	some := stall{strings.NewReader("0123456789")}
	switch mode {
	case "get", "pool", "pool-timer":
		do("GET", base+target, nil, nil)
	case "reuse":
		do("GET", base+"/fast", nil, nil)
		do("GET", base+target, nil, nil)
	case "head":
		do("HEAD", base+target, nil, nil)
	case "exit":
		do("GET", base+target, nil, nil)
		time.Sleep(300 * time.Millisecond)
		return
	case "upload":
		do("POST", base+target, some, func(r *http.Request) { r.ContentLength = 1000 })
	case "upload-chunked":
		do("POST", base+target, some, nil)
	case "expect":
		do("POST", base+target, strings.NewReader("0123456789"), func(r *http.Request) {
			r.Header.Set("Expect", "100-continue")
		})
	case "tunnel":
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: os.Args[2]})
		transport.TLSHandshakeTimeout = time.Minute
		if limit > 0 {
			transport.TLSHandshakeTimeout = time.Duration(limit) * time.Millisecond
		}
		do("GET", "https://"+target+"/", nil, nil)
	default:
		panic(mode)
	}
	time.Sleep(time.Minute)
}
