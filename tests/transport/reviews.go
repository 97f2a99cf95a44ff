package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"time"
)

// placeholder stands in a case where each request has a uid of its own.
const placeholder = "00000000-0000-0000-0000-000000000000"

// reviewCase is an AdmissionReview and what may be answered: a patch, or nothing where it is null.
type reviewCase struct {
	Review  json.RawMessage `json:"review"`
	Patches []any           `json:"patches"`

	before, after []byte
}

func readCases(path string) ([]reviewCase, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var cases []reviewCase
	if err := json.Unmarshal(text, &cases); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range cases {
		before, after, found := bytes.Cut(cases[i].Review, []byte(placeholder))
		if !found || len(cases[i].Patches) == 0 {
			return nil, fmt.Errorf("%s: case %d has no place for the uid, or no answer", path, i)
		}
		cases[i].before, cases[i].after = before, after
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s has no cases", path)
	}
	return cases, nil
}

// body is the request of this number.
func (c *reviewCase) body(uid string) []byte {
	body := make([]byte, 0, len(c.before)+len(uid)+len(c.after))
	return append(append(append(body, c.before...), uid...), c.after...)
}

// uidOf is distinct for each number, and as long as a real one.
func uidOf(number int) string {
	return fmt.Sprintf("%08x-aaaa-4bbb-8ccc-%012x", number, number)
}

// check says what is wrong with an answer, as strictly as the API server and about the patch stricter.
func (c *reviewCase) check(uid string, body []byte) error {
	var review struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Response   *struct {
			UID       string  `json:"uid"`
			Allowed   bool    `json:"allowed"`
			Patch     *string `json:"patch"`
			PatchType *string `json:"patchType"`
		} `json:"response"`
	}
	if err := json.Unmarshal(body, &review); err != nil {
		return err
	}
	response := review.Response
	switch {
	case review.APIVersion != "admission.k8s.io/v1" || review.Kind != "AdmissionReview" || response == nil:
		return fmt.Errorf("no review: %.200s", body)
	case response.UID != uid:
		return fmt.Errorf("the uid is %s instead of %s", response.UID, uid)
	case !response.Allowed:
		return fmt.Errorf("it is not allowed")
	case (response.Patch == nil) != (response.PatchType == nil):
		return fmt.Errorf("patch and patchType do not go together")
	case response.PatchType != nil && *response.PatchType != "JSONPatch":
		return fmt.Errorf("the type of the patch is %s", *response.PatchType)
	}
	var patch any
	if response.Patch != nil {
		text, err := base64.StdEncoding.DecodeString(*response.Patch)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &patch); err != nil {
			return err
		}
	}
	for _, right := range c.Patches {
		if reflect.DeepEqual(right, patch) {
			return nil
		}
	}
	return fmt.Errorf("the patch is %v instead of one of %v", patch, c.Patches)
}

// reviews sends all cases in turn.
func reviews(s settings) (*totals, error) {
	cases, err := readCases(s.cases)
	if err != nil {
		return nil, err
	}
	caller, err := newCaller(s)
	if err != nil {
		return nil, err
	}
	result := newTotals()
	steadily(s, func(number int) {
		this := &cases[number%len(cases)]
		uid := uidOf(number)
		start := time.Now()
		got, err := caller.call(this.body(uid))
		result.took(time.Since(start))
		switch {
		case err != nil:
			result.failed(kindOf(err), err)
		case got.status != 200:
			result.failed("status", fmt.Errorf("status %d: %.200s", got.status, got.body))
		default:
			if err := this.check(uid, got.body); err != nil {
				result.wrong(err)
			} else {
				result.ok(got.refused)
			}
		}
	})
	result.connections = caller.connections.Load()
	return result, nil
}
