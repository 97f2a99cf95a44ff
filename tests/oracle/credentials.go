package main

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	"k8s.io/kubernetes/pkg/util/parsers"
)

type keyAnswer struct {
	// Matches is false for an image that cannot be read: the kubelet then never
	// gets as far as a look-up.
	Matches bool `json:"matches"`
	// Lookup is what the kubelet looks the image up by, empty if it cannot be read.
	Lookup string `json:"lookup"`
}

// lookUpKey asks a keyring that holds one credential, under the given auths key.
func lookUpKey(key, image string) keyAnswer {
	lookup, _, _, err := parsers.ParseImageName(image)
	if err != nil {
		return keyAnswer{}
	}
	var keyring credentialprovider.BasicDockerKeyring
	keyring.Add(nil, credentialprovider.DockerConfig{
		key: credentialprovider.DockerConfigEntry{Username: "user", Password: "password"},
	})
	_, found := keyring.Lookup(lookup)
	return keyAnswer{Matches: found, Lookup: lookup}
}

type credential struct {
	Username string `json:"username"`
	// Login is false for an entry without a user and a password.
	Login bool `json:"login"`
	// Secret is the name of the Secret that holds it.
	Secret string `json:"secret"`
}

type secretsAnswer struct {
	Credentials []credential `json:"credentials"`
	Error       string       `json:"error,omitempty"`
}

// lookUpSecrets does what the kubelet does for a Pod with these pull secrets, on
// a node that has no credentials of its own.
func lookUpSecrets(pullSecrets []corev1.Secret, image string) secretsAnswer {
	lookup, _, _, err := parsers.ParseImageName(image)
	if err != nil {
		return secretsAnswer{Error: err.Error()}
	}
	keyring, err := secrets.MakeDockerKeyring(pullSecrets, credentialprovider.UnionDockerKeyring{})
	if err != nil {
		return secretsAnswer{Error: err.Error()}
	}
	found, _ := keyring.Lookup(lookup)
	answer := secretsAnswer{Credentials: make([]credential, 0, len(found))}
	for _, config := range found {
		entry := credential{Username: config.Username, Login: config.Username != "" || config.Password != ""}
		if config.Source != nil && config.Source.Secret != nil {
			entry.Secret = config.Source.Secret.Name
		}
		answer.Credentials = append(answer.Credentials, entry)
	}
	return answer
}
