// An event stream with Gin's c.Stream and c.SSEvent. gin PORT
package main

import (
	"io"
	"log"
	"os"
	"time"

	"github.com/gin-gonic/gin"
)

func main() {
	router := gin.Default()
	router.GET("/events", func(c *gin.Context) {
		i := 0
		c.Stream(func(w io.Writer) bool {
			if i == 3 {
				<-c.Request.Context().Done()
				return false
			}
			c.SSEvent("message", i)
			i++
			time.Sleep(10 * time.Millisecond)
			return true
		})
	})
	log.Fatal(router.Run("127.0.0.1:" + os.Args[1]))
}
