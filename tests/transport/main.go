// The API server's side of a webhook call, without the API server: its transport, its retries and its
// checks, at rates and with failures that a real one cannot be asked for.
//
//	transport reviews --address HOST:PORT --ca FILE --cases FILE [--rate N] [--requests N]
//	transport overload --address HOST:PORT --ca FILE --cases FILE --workers N --body-bytes N --seconds N
//	transport pods --address HOST:PORT --ca FILE --cases FILE --token TEXT --namespace NAME [--rate N]
//
// Each prints one JSON object with what became of its requests. `reviews` and `pods` go on until they
// have sent --requests and their standard input has ended, so that whoever starts them decides the end.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// settings are the flags of all modes.
type settings struct {
	address   string
	ca        string
	cases     string
	rate      int
	requests  int
	workers   int
	bodyBytes int
	seconds   int
	token     string
	namespace string
	timeout   time.Duration
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: transport reviews|overload|pods [flags]"))
	}
	var s settings
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.StringVar(&s.address, "address", "", "where to connect to, whatever the server's name is")
	flags.StringVar(&s.ca, "ca", "", "the PEM file of what to trust; read again when it has changed")
	flags.StringVar(&s.cases, "cases", "", "the JSON file of what to send and what must come back")
	flags.IntVar(&s.rate, "rate", 500, "requests per second")
	flags.IntVar(&s.requests, "requests", 0, "the least number of requests")
	flags.IntVar(&s.workers, "workers", 64, "requests under way at once (overload)")
	flags.IntVar(&s.bodyBytes, "body-bytes", 8192, "length of a request (overload)")
	flags.IntVar(&s.seconds, "seconds", 3, "how long to go on (overload)")
	flags.StringVar(&s.token, "token", "", "bearer token (pods)")
	flags.StringVar(&s.namespace, "namespace", "", "where Pods are created (pods)")
	flags.DurationVar(&s.timeout, "timeout", 5*time.Second, "timeoutSeconds of the registration")
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}

	modes := map[string]func(settings) (*totals, error){"reviews": reviews, "overload": overload, "pods": pods}
	mode, ok := modes[os.Args[1]]
	if !ok {
		fail(fmt.Errorf("unknown mode %q", os.Args[1]))
	}
	result, err := mode(s)
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result.report()); err != nil {
		fail(err)
	}
}

// burst is how many requests come at once every other second: as many as there may be idle connections, so
// that all of them are used again after a second in which most of them were idle.
const burst = 25

// underWayMax is how many requests that change something an API server works on at once
// (--max-mutating-requests-inflight); more of them wait before anybody asks a webhook about them.
const underWayMax = 200

// steadily calls send at the wanted rate, each in a goroutine of its own as the API server does, whether or
// not earlier ones are answered: a client that waits for each would spare a server that is in trouble. In one
// second they come evenly, in the next in bursts. It returns when all have ended.
func steadily(s settings, send func(number int)) {
	stopped := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stopped)
	}()
	isStopped := func() bool {
		select {
		case <-stopped:
			return true
		default:
			return false
		}
	}
	var underWay sync.WaitGroup
	places := make(chan struct{}, underWayMax)
	start := time.Now()
	for number := 0; number < s.requests || !isStopped(); number++ {
		due := number
		if (number/s.rate)%2 == 1 {
			due -= number % burst
		}
		time.Sleep(time.Until(start.Add(time.Duration(due) * time.Second / time.Duration(s.rate))))
		places <- struct{}{}
		underWay.Go(func() {
			send(number)
			<-places
		})
	}
	underWay.Wait()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "transport:", err)
	os.Exit(1)
}
