package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// overload sends requests of one length from many workers, each the next one as soon as the last was
// answered, and takes every answer as it comes: none is repeated.
func overload(s settings) (*totals, error) {
	cases, err := readCases(s.cases)
	if err != nil {
		return nil, err
	}
	padded, err := cases[0].padded(s.bodyBytes)
	if err != nil {
		return nil, err
	}
	caller, err := newCaller(s)
	if err != nil {
		return nil, err
	}
	result := newTotals()
	result.sentBytes = len(padded.body(placeholder))
	var number atomic.Int64
	var workers sync.WaitGroup
	end := time.Now().Add(time.Duration(s.seconds) * time.Second)
	for range s.workers {
		workers.Go(func() {
			for time.Now().Before(end) {
				attempt(caller, padded, uidOf(int(number.Add(1))), result)
			}
		})
	}
	workers.Wait()
	result.connections = caller.connections.Load()
	return result, nil
}

// attempt makes one request and counts a refusal only if the API server would repeat the call after it.
func attempt(caller *caller, this *reviewCase, uid string, result *totals) {
	ctx, cancel := context.WithTimeout(context.Background(), caller.timeout)
	defer cancel()
	start := time.Now()
	got, err := caller.once(ctx, this.body(uid))
	result.took(time.Since(start))
	switch {
	case err != nil:
		result.failed(kindOf(err), err)
	case got.status == 503 && got.retryAfter == "1" && got.closes:
		result.refused()
	case got.status != 200:
		result.failed("status", fmt.Errorf("status %d, Retry-After %q, closes: %t: %.200s",
			got.status, got.retryAfter, got.closes, got.body))
	default:
		if err := this.check(uid, got.body); err != nil {
			result.wrong(err)
		} else {
			result.ok(0)
		}
	}
}

// padded is the case with an annotation that makes its review this long.
func (c *reviewCase) padded(length int) (*reviewCase, error) {
	var review map[string]any
	if err := json.Unmarshal(c.Review, &review); err != nil {
		return nil, err
	}
	request, _ := review["request"].(map[string]any)
	object, _ := request["object"].(map[string]any)
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the first case has no metadata")
	}
	annotations := map[string]string{"padding": ""}
	metadata["annotations"] = annotations
	text, err := json.Marshal(review)
	if err != nil {
		return nil, err
	}
	annotations["padding"] = strings.Repeat("x", max(0, length-len(text)))
	if text, err = json.Marshal(review); err != nil {
		return nil, err
	}
	before, after, _ := strings.Cut(string(text), placeholder)
	return &reviewCase{Patches: c.Patches, before: []byte(before), after: []byte(after)}, nil
}
