package main

import (
	"encoding/json"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

type patchAnswer struct {
	Document json.RawMessage `json:"document,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// applyPatch does the two calls with which the API server carries out a
// webhook's answer.
func applyPatch(document, patch []byte) patchAnswer {
	operations, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return patchAnswer{Error: err.Error()}
	}
	patched, err := operations.Apply(document)
	if err != nil {
		return patchAnswer{Error: err.Error()}
	}
	return patchAnswer{Document: patched}
}
