package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// examplesMax is how many failures are told in words.
const examplesMax = 10

// totals is what became of the requests.
type totals struct {
	mutex       sync.Mutex
	latencies   []time.Duration
	right       int
	repeated    int
	refusals    int
	wrongs      int
	failures    map[string]int
	start       time.Time
	first, last time.Time
	examples    []string
	connections int64
	sentBytes   int
}

// report is what is printed.
type report struct {
	Sent   int            `json:"sent"`
	OK     int            `json:"ok"`
	Failed map[string]int `json:"failed"`
	Wrong  int            `json:"wrong"`
	// Repeated were answered well after at least one refusal.
	Repeated int `json:"repeated"`
	// Refused are refusals as they must be, each of which is an answer by itself (overload).
	Refused     int     `json:"refused"`
	Seconds     float64 `json:"seconds"`
	Connections int64   `json:"connections"`
	BodyBytes   int     `json:"body_bytes"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	Max         float64 `json:"max_ms"`
	// FirstFailure and LastFailure are milliseconds since 1970, or 0.
	FirstFailure int64    `json:"first_failure_ms"`
	LastFailure  int64    `json:"last_failure_ms"`
	Examples     []string `json:"examples"`
}

func newTotals() *totals {
	return &totals{start: time.Now(), failures: map[string]int{}}
}

func (t *totals) took(latency time.Duration) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.latencies = append(t.latencies, latency)
}

func (t *totals) ok(refused int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.right++
	if refused > 0 {
		t.repeated++
	}
}

func (t *totals) refused() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.refusals++
}

func (t *totals) wrong(err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.wrongs++
	t.remember("wrong", err)
}

func (t *totals) failed(kind string, err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.failures[kind]++
	t.remember(kind, err)
}

func (t *totals) remember(kind string, err error) {
	t.last = time.Now()
	if t.first.IsZero() {
		t.first = t.last
	}
	if len(t.examples) < examplesMax {
		t.examples = append(t.examples, t.last.UTC().Format("15:04:05.000 ")+kind+": "+err.Error())
	}
}

func (t *totals) report() report {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	slices.Sort(t.latencies)
	quantile := func(part float64) float64 {
		if len(t.latencies) == 0 {
			return 0
		}
		at := int(part * float64(len(t.latencies)-1))
		return float64(t.latencies[at].Microseconds()) / 1000
	}
	milliseconds := func(at time.Time) int64 {
		if at.IsZero() {
			return 0
		}
		return at.UnixMilli()
	}
	return report{
		Sent: len(t.latencies), OK: t.right, Failed: t.failures, Wrong: t.wrongs,
		Repeated: t.repeated, Refused: t.refusals, Seconds: time.Since(t.start).Seconds(), Connections: t.connections, BodyBytes: t.sentBytes,
		P50: quantile(0.5), P99: quantile(0.99), Max: quantile(1),
		FirstFailure: milliseconds(t.first), LastFailure: milliseconds(t.last),
		Examples: t.examples,
	}
}

// kindOf sorts what a transport says into the few ways in which a connection fails.
func kindOf(err error) string {
	var network net.Error
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &verification), errors.As(err, &authority), errors.As(err, &record), errors.As(err, &alert):
		return "tls"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EPIPE):
		return "broken pipe"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), strings.Contains(err.Error(), "EOF"),
		strings.Contains(err.Error(), "server closed idle connection"):
		return "eof"
	case strings.Contains(err.Error(), "tls: "):
		return "tls"
	}
	return "other"
}
