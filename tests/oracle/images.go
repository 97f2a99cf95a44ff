package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"k8s.io/kubernetes/pkg/util/parsers"
)

// refusal is an image name that Kubernetes cannot read.
type refusal struct {
	// Kind is stable, Text is the library's own message.
	Kind string `json:"kind"`
	Text string `json:"text"`
}

type imageAnswer struct {
	Domain string `json:"domain"`
	Path   string `json:"path"`
	// Lookup is what the kubelet looks credentials up with: domain and path,
	// without tag and digest.
	Lookup  string   `json:"lookup"`
	Refused *refusal `json:"refused,omitempty"`
}

func readImage(image string) (imageAnswer, error) {
	lookup, _, _, kubeletErr := parsers.ParseImageName(image)
	named, err := reference.ParseNormalizedNamed(image)
	if (err == nil) != (kubeletErr == nil) || (err == nil && named.Name() != lookup) {
		return imageAnswer{}, fmt.Errorf("the kubelet no longer reads %q as distribution/reference does", image)
	}
	if err != nil {
		kind, known := refusalKind(err)
		if !known {
			return imageAnswer{}, fmt.Errorf("%q is refused for a reason that has no kind yet: %w", image, err)
		}
		return imageAnswer{Refused: &refusal{Kind: kind, Text: err.Error()}}, nil
	}
	return imageAnswer{Domain: reference.Domain(named), Path: reference.Path(named), Lookup: lookup}, nil
}

// refusalKind names the library's error. The two cases without an error value
// of their own are told by the beginning of their text, because the end holds
// the image name, which may be anything.
func refusalKind(err error) (kind string, known bool) {
	text := err.Error()
	switch {
	case errors.Is(err, reference.ErrNameEmpty):
		return "empty", true
	case errors.Is(err, reference.ErrNameTooLong):
		return "too-long", true
	case errors.Is(err, reference.ErrNameContainsUppercase):
		return "uppercase", true
	case errors.Is(err, reference.ErrReferenceInvalidFormat):
		return "invalid-format", true
	case errors.Is(err, digest.ErrDigestUnsupported):
		return "digest-unsupported", true
	case errors.Is(err, digest.ErrDigestInvalidLength):
		return "digest-length", true
	case errors.Is(err, digest.ErrDigestInvalidFormat):
		return "digest-format", true
	case strings.HasPrefix(text, "invalid repository name ("):
		return "identifier", true
	case strings.HasPrefix(text, "invalid reference format: repository name ("):
		return "uppercase", true
	}
	return "", false
}
