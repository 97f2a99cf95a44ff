package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// serverName is what the API server calls pullkey's Service, and what the certificate must be for.
const serverName = "pullkey.pullkey-system.svc"

// attemptsMax is how often client-go repeats a call that was answered with Retry-After.
const attemptsMax = 10

// caller makes webhook calls as the API server does.
type caller struct {
	address string
	timeout time.Duration
	url     string
	client  atomic.Pointer[http.Client]
	// connections counts handshakes that were completed.
	connections atomic.Int64
}

// answer is the last answer to a call.
type answer struct {
	status  int
	body    []byte
	refused int
	// closes is whether the server said that it closes the connection, retryAfter what it said about when.
	closes     bool
	retryAfter string
}

func newCaller(s settings) (*caller, error) {
	c := &caller{
		address: s.address,
		timeout: s.timeout,
		url:     fmt.Sprintf("https://%s:443/mutate?timeout=%.0fs", serverName, s.timeout.Seconds()),
	}
	trusted, err := os.ReadFile(s.ca)
	if err != nil {
		return nil, err
	}
	if err := c.trust(trusted); err != nil {
		return nil, fmt.Errorf("%s: %w", s.ca, err)
	}
	go c.follow(s.ca, trusted)
	return c, nil
}

// follow does what the API server does when caBundle has changed: the next call uses a new transport, and
// nobody closes the connections of the old one, which stay idle for their 90 seconds.
func (c *caller) follow(path string, current []byte) {
	for range time.Tick(20 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err != nil || bytes.Equal(text, current) {
			continue
		}
		if c.trust(text) == nil {
			current = text
		}
	}
}

func (c *caller) trust(pem []byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("no certificate")
	}
	dialer := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		// No proxy, and the address instead of the name, as the API server resolves a Service.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, c.address)
		},
		TLSClientConfig: &tls.Config{
			RootCAs:    roots,
			ServerName: serverName,
			NextProtos: []string{"http/1.1"},
			MinVersion: tls.VersionTLS12,
			VerifyConnection: func(tls.ConnectionState) error {
				c.connections.Add(1)
				return nil
			},
		},
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 25,
		IdleConnTimeout:     90 * time.Second,
	}
	c.client.Store(&http.Client{Transport: transport})
	return nil
}

// call posts a review and repeats it as client-go does: on 429 and 5xx with a whole number of seconds in
// Retry-After, up to ten times, inside the time limit; never after a connection error.
func (c *caller) call(body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	refused := 0
	for {
		got, err := c.once(ctx, body)
		got.refused = refused
		if err != nil || refused == attemptsMax {
			return got, err
		}
		wait, err := strconv.Atoi(got.retryAfter)
		if isRefusal := got.status == 429 || got.status >= 500; !isRefusal || err != nil {
			return got, nil
		}
		refused++
		select {
		case <-ctx.Done():
			return got, ctx.Err()
		case <-time.After(time.Duration(wait) * time.Second):
		}
	}
}

// once posts a review and reads the whole answer.
func (c *caller) once(ctx context.Context, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Accept", "application/json, */*")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "kube-apiserver-admission")
	response, err := c.client.Load().Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{
		status:     response.StatusCode,
		body:       text,
		closes:     response.Close,
		retryAfter: response.Header.Get("Retry-After"),
	}, err
}
