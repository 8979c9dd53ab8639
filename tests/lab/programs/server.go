// server HOST:PORT HASTY
package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

func flush(w http.ResponseWriter, text string) {
	io.WriteString(w, text)
	http.NewResponseController(w).Flush()
}

func sleep(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

func handle(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/early" {
		io.WriteString(w, "early")
		return
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, "the body did not come", http.StatusBadRequest)
		return
	}
	switch r.URL.Path {
	case "/sleep":
		sleep(r)
	case "/slow":
		w.Header().Set("Content-Length", "100000")
		flush(w, string(make([]byte, 1000)))
		sleep(r)
	case "/slow-chunked":
		flush(w, "hello")
		sleep(r)
	case "/chunked":
		flush(w, "one")
		flush(w, "two")
	case "/large":
		w.Header().Set("Content-Length", strconv.Itoa(100_000_000))
		w.Write(make([]byte, 100_000_000))
	case "/empty":
		w.WriteHeader(http.StatusNoContent)
	case "/unchanged":
		w.WriteHeader(http.StatusNotModified)
	case "/upgrade":
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		if os.Args[2] == "1" {
			conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		} else {
			conn.SetReadDeadline(time.Time{})
		}
		io.Copy(io.Discard, conn)
	default:
		io.WriteString(w, "hi")
	}
}

func main() {
	server := &http.Server{Handler: http.HandlerFunc(handle)}
	if os.Args[2] == "1" {
		server.ReadHeaderTimeout = 400 * time.Millisecond
		server.ReadTimeout = 600 * time.Millisecond
		server.WriteTimeout = 800 * time.Millisecond
		server.IdleTimeout = 300 * time.Millisecond
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		panic(err)
	}
	panic(server.Serve(listener))
}
