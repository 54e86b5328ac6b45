// An event stream with net/http, and, at /plain, without the line that names its type. net_http PORT
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func send(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "Streaming unsupported!", http.StatusInternalServerError)
		return
	}
	for i := 0; i < 3; i++ {
		fmt.Fprintf(w, "data: %d\n\n", i)
		flusher.Flush()
		time.Sleep(10 * time.Millisecond)
	}
	<-r.Context().Done()
}

func main() {
	http.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Connection", "keep-alive")
		send(w, r)
	})
	http.HandleFunc("/plain", send)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
