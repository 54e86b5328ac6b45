// A backend with Gin: gin PORT EVENTS-FILE
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/gin-contrib/sse"
	"github.com/gin-gonic/gin"
)

func main() {
	store, err := OpenStore(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	router := gin.Default()

	router.POST("/events", func(c *gin.Context) {
		var event Event
		if c.BindJSON(&event) == nil && store.Append(event) == nil {
			c.Status(http.StatusNoContent)
		}
	})

	router.GET("/events", func(c *gin.Context) {
		last, _ := strconv.Atoi(c.GetHeader("Last-Event-ID"))
		// What c.Stream writes is flushed after each step: without this, the answer's head waits for the first event.
		c.Header("Content-Type", "text/event-stream")
		c.Writer.Flush()
		c.Stream(func(io.Writer) bool {
			fresh, changed := store.After(last)
			for _, event := range fresh {
				// c.SSEvent is this without an id.
				c.Render(-1, sse.Event{Id: strconv.Itoa(event.ID), Event: event.Type, Data: event.Data})
				last = event.ID
			}
			if len(fresh) > 0 {
				return true
			}
			select {
			case <-changed:
				return true
			case <-c.Request.Context().Done():
				return false
			}
		})
	})

	log.Fatal(router.Run("127.0.0.1:" + os.Args[1]))
}
