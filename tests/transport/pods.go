package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
)

// podCase is a Pod to create and the lists of pull secrets of which it must get one.
type podCase struct {
	Pod   json.RawMessage `json:"pod"`
	Names [][]string      `json:"names"`
}

// pods creates Pods through a real API server, which asks pullkey about each. They are dry runs: everything
// happens but the writing, so that etcd stays small.
func pods(s settings) (*totals, error) {
	text, err := os.ReadFile(s.cases)
	if err != nil {
		return nil, err
	}
	var cases []podCase
	if err := json.Unmarshal(text, &cases); err != nil {
		return nil, fmt.Errorf("%s: %w", s.cases, err)
	}
	trusted, err := os.ReadFile(s.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		MaxIdleConnsPerHost: 64,
	}}
	url := fmt.Sprintf("https://%s/api/v1/namespaces/%s/pods?dryRun=All", s.address, s.namespace)
	result := newTotals()
	steadily(s, func(number int) {
		this := &cases[number%len(cases)]
		start := time.Now()
		status, body, err := create(client, url, s.token, this.Pod)
		result.took(time.Since(start))
		switch {
		case err != nil:
			// Not pullkey but the API server itself could not be reached.
			result.failed("api server", err)
		case status != http.StatusCreated:
			result.failed("not created", fmt.Errorf("status %d: %.300s", status, body))
		default:
			if err := this.check(body); err != nil {
				result.wrong(err)
			} else {
				result.ok(0)
			}
		}
	})
	return result, nil
}

func create(client *http.Client, url, token string, pod []byte) (int, []byte, error) {
	// An API request of a Pod may take 34 seconds.
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(pod))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

func (c *podCase) check(body []byte) error {
	var pod struct {
		Spec struct {
			ImagePullSecrets []struct {
				Name string `json:"name"`
			} `json:"imagePullSecrets"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(body, &pod); err != nil {
		return err
	}
	var names []string
	for _, secret := range pod.Spec.ImagePullSecrets {
		names = append(names, secret.Name)
	}
	for _, right := range c.Names {
		if slices.Equal(right, names) {
			return nil
		}
	}
	return fmt.Errorf("the Pod has the pull secrets %v instead of one of %v", names, c.Names)
}
