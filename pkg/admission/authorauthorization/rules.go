package authorauthorization

import (
	"context"
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// mostQuestions bounds how much one write asks about the rules of roles.
const mostQuestions = 300

// lacks says what of the rules the author does not hold in a namespace of the host,
// or everywhere if it is empty; nothing if they hold all. A rule is held if each
// of its combinations of verb, resource and name is. A wildcard is asked about as
// such, which only a wildcard answers.
func (w *write) lacks(ctx context.Context, rules []rbacv1.PolicyRule, namespace string) (string, error) {
	if len(rules) == 0 {
		return "", nil
	}
	// Who has everything need not be asked about each thing.
	if all, err := w.holds(ctx, everything, namespace); all || err != nil {
		return "", err
	}
	asked := 0
	for i := range rules {
		questions, problem := questionsOf(&rules[i], namespace)
		if problem != "" {
			return problem, nil
		}
		if asked += len(questions); asked > mostQuestions {
			return fmt.Sprintf("there are more than %d combinations of verb and resource, too many to be asked for", mostQuestions), nil
		}
		for _, q := range questions {
			held, err := w.has(ctx, q)
			if err != nil {
				return "", err
			}
			if !held {
				return q.String(), nil
			}
		}
	}
	return "", nil
}

// holds says whether the author holds every rule.
func (w *write) holds(ctx context.Context, rules []rbacv1.PolicyRule, namespace string) (bool, error) {
	for i := range rules {
		questions, _ := questionsOf(&rules[i], namespace)
		for _, q := range questions {
			if held, err := w.has(ctx, q); !held || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// questionsOf takes a rule apart. A rule that is about nothing is no rule.
func questionsOf(rule *rbacv1.PolicyRule, namespace string) (questions []question, problem string) {
	if len(rule.Verbs) == 0 {
		return nil, "a rule has no verbs"
	}
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	size := len(rule.Verbs) * (len(rule.APIGroups)*len(rule.Resources)*len(names) + len(rule.NonResourceURLs))
	if size > mostQuestions {
		return nil, fmt.Sprintf("a rule has more than %d combinations of verb and resource, too many to be asked for", mostQuestions)
	}
	for _, verb := range rule.Verbs {
		for _, path := range rule.NonResourceURLs {
			questions = append(questions, question{verb: verb, path: path})
		}
		for _, group := range rule.APIGroups {
			for _, full := range rule.Resources {
				name, subresource, _ := strings.Cut(full, "/")
				for _, object := range names {
					questions = append(questions, question{
						verb: verb, resource: resource{Group: group, Resource: name}, subresource: subresource,
						namespace: namespace, name: object,
					})
				}
			}
		}
	}
	return questions, ""
}
