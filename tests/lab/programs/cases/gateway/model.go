// A model server: /work/MS answers after so many milliseconds. Arguments: address, idle time-out.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"time"
)

func main() {
	idle, err := time.ParseDuration(os.Args[2])
	if err != nil {
		panic(err)
	}
	server := http.Server{Addr: os.Args[1], IdleTimeout: idle}
	server.Handler = http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		io.Copy(io.Discard, request.Body)
		if wait, err := strconv.Atoi(path.Base(request.URL.Path)); err == nil {
			time.Sleep(time.Duration(wait) * time.Millisecond)
		}
		fmt.Fprintln(answer, "answer")
	})
	panic(server.ListenAndServe())
}
