// tls ADDRESS CERTIFICATE KEY: HTTP/1.1 over TLS, idle connections are closed after a second.
package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	handler := http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) { io.WriteString(response, "hi") })
	server := &http.Server{
		Addr: os.Args[1], Handler: handler, IdleTimeout: time.Second,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	panic(server.ListenAndServeTLS(os.Args[2], os.Args[3]))
}
