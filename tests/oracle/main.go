// Oracle answers what Kubernetes itself makes of image names, pull credentials
// and JSON patches, so that pullkey's tests compare with the real thing and not
// with somebody's reading of it.
//
// It reads one JSON request a line on standard input and writes one JSON answer
// a line on standard output, in the same order:
//
//	{"image": …}                  how the kubelet reads the image name
//	{"key": …, "image": …}        whether a credential under that auths key is used for the image
//	{"secrets": […], "image": …}  the credentials that these Secrets give for the image
//	{"document": …, "patch": …}   the document after the API server applied the patch
//	{"conditions": […], "pods": […]}
//	                              for which of the Pods the API server calls a webhook with these matchConditions
//
// A request that is none of these is a mistake of the caller: it ends the
// program with exit code 1.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
)

// request is the union of the five questions. Pointers tell an empty image
// name, which is a question, from an absent one.
type request struct {
	Image    *string          `json:"image"`
	Key      *string          `json:"key"`
	Secrets  *[]corev1.Secret `json:"secrets"`
	Document json.RawMessage  `json:"document"`
	Patch    json.RawMessage  `json:"patch"`

	Conditions []admissionregistrationv1.MatchCondition `json:"conditions"`
	Pods       []json.RawMessage                        `json:"pods"`
}

func main() {
	// The keyring logs every key that it cannot parse; here that is an answer
	// like any other and would only bury a real message.
	klog.SetLogger(logr.Discard())

	if err := answerAll(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func answerAll(questions io.Reader, answers io.Writer) error {
	in := bufio.NewReaderSize(questions, 1<<20)
	out := bufio.NewWriterSize(answers, 1<<20)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)

	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return out.Flush()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		answer, err := answerLine(line)
		if err != nil {
			return errors.Join(fmt.Errorf("line %d: %w", number, err), out.Flush())
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
		// Somebody who types questions wants each answer at once; a batch fills
		// the buffers, and then nothing is waiting for this answer yet.
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

func answerLine(line []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var asked request
	if err := decoder.Decode(&asked); err != nil {
		return nil, err
	}

	if asked.Conditions != nil {
		return matchPods(asked.Conditions, asked.Pods)
	}
	patched := asked.Document != nil && asked.Patch != nil
	switch {
	case asked.Image == nil && asked.Key == nil && asked.Secrets == nil && patched:
		return applyPatch(asked.Document, asked.Patch), nil
	case asked.Image == nil || asked.Document != nil || asked.Patch != nil:
	case asked.Key == nil && asked.Secrets == nil:
		return readImage(*asked.Image)
	case asked.Secrets == nil:
		return lookUpKey(*asked.Key, *asked.Image), nil
	case asked.Key == nil:
		return lookUpSecrets(*asked.Secrets, *asked.Image), nil
	}
	return nil, fmt.Errorf("not one of the five questions: %s", bytes.TrimSpace(line))
}
