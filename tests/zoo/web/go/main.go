// Multiplies numbers by the model's factor, with Go's standard library.
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	var model struct{ Factor float64 }
	text, err := os.ReadFile("/opt/ml/model/model.json")
	if err == nil {
		err = json.Unmarshal(text, &model)
	}
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/ping", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/invocations", func(w http.ResponseWriter, r *http.Request) {
		var numbers struct{ Instances []float64 }
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &numbers)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for i := range numbers.Instances {
			numbers.Instances[i] *= model.Factor
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string][]float64{"predictions": numbers.Instances})
	})
	server, stopped := &http.Server{Addr: ":8080"}, make(chan struct{})
	go func() {
		terminated := make(chan os.Signal, 1)
		signal.Notify(terminated, syscall.SIGTERM)
		<-terminated
		server.Shutdown(context.Background())
		close(stopped)
	}()
	log.Print("listening on ", server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-stopped
}
