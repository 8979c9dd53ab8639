// server HOST:PORT HASTY. Targets: see README.md.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func handle(w http.ResponseWriter, r *http.Request) {
	size, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		http.Error(w, "the body did not come", http.StatusRequestTimeout)
		return
	}
	what, ms, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	number, _ := strconv.Atoi(ms)
	pause := func() { time.Sleep(time.Duration(number) * time.Millisecond) }
	switch what {
	case "wait":
		pause()
		io.WriteString(w, "hi")
	case "drip":
		half := strings.Repeat("x", 500)
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, half)
		w.(http.Flusher).Flush()
		pause()
		io.WriteString(w, half)
	case "read":
		fmt.Fprint(w, size)
	case "last":
		w.Header().Set("Connection", "close")
		io.WriteString(w, "hi")
	default:
		io.WriteString(w, "hi")
	}
}

func main() {
	server := &http.Server{Addr: os.Args[1], Handler: http.HandlerFunc(handle)}
	if os.Args[2] == "1" {
		server.ReadHeaderTimeout = 2 * time.Second
		server.ReadTimeout = 2 * time.Second
		server.IdleTimeout = 2 * time.Second
	}
	ended := make(chan struct{})
	go func() {
		terminate := make(chan os.Signal, 1)
		signal.Notify(terminate, syscall.SIGTERM)
		<-terminate
		server.Shutdown(context.Background())
		close(ended)
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		panic(err)
	}
	<-ended
}
