package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
)

// oldestVersion is the oldest Kubernetes that pullkey runs on; what an
// expression may use there is that of the version before it, for a rollback.
var oldestVersion = version.MajorMinor(1, 29)

type conditionsAnswer struct {
	Pods []podMatch `json:"pods"`
}

type podMatch struct {
	// Matches says that the API server would call the webhook.
	Matches bool `json:"matches"`
	// Error is why the API server would refuse the Pod, or under Ignore skip
	// the webhook.
	Error string `json:"error,omitempty"`
	// Cost is what the conditions spent of their budget, Microseconds how long
	// that took, with the Pod's conversion.
	Cost         int64 `json:"cost"`
	Microseconds int64 `json:"microseconds"`
}

// An expression is checked with the oldest version when the registration is
// written, and evaluated with all that a current one knows.
var (
	oldCompiler = cel.NewConditionCompiler(environment.MustBaseEnvSet(oldestVersion))
	compiler    = cel.NewConditionCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
)

// matchPods does what the API server does with the matchConditions of a
// webhook, for the creation of each Pod. Conditions that it would not store are
// a mistake of the caller.
func matchPods(conditions []admissionregistrationv1.MatchCondition, pods []json.RawMessage) (conditionsAnswer, error) {
	expressions := make([]cel.ExpressionAccessor, len(conditions))
	for i, condition := range conditions {
		expressions[i] = &matchconditions.MatchCondition{Name: condition.Name, Expression: condition.Expression}
	}
	options := cel.OptionalVariableDeclarations{HasParams: false, HasAuthorizer: true}
	written := oldCompiler.CompileCondition(expressions, options, environment.NewExpressions)
	if errs := written.CompilationErrors(); len(errs) > 0 {
		return conditionsAnswer{}, fmt.Errorf("an API server would not store these conditions: %v", errs)
	}
	evaluator := compiler.CompileCondition(expressions, options, environment.StoredExpressions)
	fail := admissionregistrationv1.Fail
	matcher := matchconditions.NewMatcher(evaluator, &fail, "webhook", "admit", "inject.pullkey.dev")

	answer := conditionsAnswer{Pods: make([]podMatch, 0, len(pods))}
	for _, text := range pods {
		match, err := matchPod(evaluator, matcher, text)
		if err != nil {
			return conditionsAnswer{}, err
		}
		answer.Pods = append(answer.Pods, match)
	}
	return answer, nil
}

func matchPod(evaluator cel.ConditionEvaluator, matcher matchconditions.Matcher, text []byte) (podMatch, error) {
	// Decoded as the API server decodes it: members that it does not know are
	// gone, and an absent list may be null afterwards.
	pod := &corev1.Pod{}
	if err := json.Unmarshal(text, pod); err != nil {
		return podMatch{}, err
	}
	kind := corev1.SchemeGroupVersion.WithKind("Pod")
	resource := corev1.SchemeGroupVersion.WithResource("pods")
	attributes := &admission.VersionedAttributes{
		Attributes: admission.NewAttributesRecord(pod, nil, kind, pod.Namespace, pod.Name, resource, "",
			admission.Create, nil, false, &user.DefaultInfo{Name: "somebody"}),
		VersionedObject: pod,
		VersionedKind:   kind,
	}
	ctx := context.Background()
	result := matcher.Match(ctx, attributes, nil, nil)
	match := podMatch{Matches: result.Matches}
	if result.Error != nil {
		match.Error = result.Error.Error()
	}
	// Once more, for the cost: the matcher keeps it to itself.
	request := cel.CreateAdmissionRequest(attributes.Attributes, metav1.GroupVersionResource(resource), metav1.GroupVersionKind(kind))
	began := time.Now()
	_, left, err := evaluator.ForInput(ctx, attributes, request, cel.OptionalVariableBindings{}, nil, math.MaxInt64)
	if err != nil {
		return podMatch{}, err
	}
	match.Cost = math.MaxInt64 - left
	match.Microseconds = time.Since(began).Microseconds()
	if match.Cost > celconfig.RuntimeCELCostBudgetMatchConditions && match.Error == "" {
		return podMatch{}, fmt.Errorf("the budget of %d is not kept by the matcher", celconfig.RuntimeCELCostBudgetMatchConditions)
	}
	return match, nil
}
