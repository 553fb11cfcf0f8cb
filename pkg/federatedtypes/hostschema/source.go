// Package hostschema reads schemas and names of target types from the host
// cluster: its OpenAPI v3 documents and its discovery.
package hostschema

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/kube-openapi/pkg/handler3"

	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

const (
	indexPath = "/openapi/v3"
	// requestTimeout bounds a request to the host, a document of some megabytes
	// included.
	requestTimeout = 10 * time.Second
	// documentLife is how long a document that nobody asks for stays parsed.
	documentLife = 10 * time.Second
)

// Source reads target types from the host. It keeps nothing for long but what the
// index of the documents said last.
type Source struct {
	client   rest.Interface
	interval time.Duration

	mu        sync.Mutex
	documents map[schema.GroupVersion]*document
	// index has the address of every document, which has its hash; nil before it
	// was first read. It is never newer than a document in documents.
	index map[string]string
	// failed has what was asked for while the host did not answer; failure is what
	// the last question got that was long without an answer, at failedAt.
	failed   map[schema.GroupVersion]bool
	failure  error
	failedAt time.Time
}

// New makes a source that reads with client, any client of the host, and looks
// for changed documents once per interval.
func New(client rest.Interface, interval time.Duration) *Source {
	return &Source{client: client, interval: interval, documents: map[schema.GroupVersion]*document{}, failed: map[schema.GroupVersion]bool{}}
}

var _ federatedtypes.TargetSource = &Source{}

// Target reads the schema and the short names of a type. What the host does not
// have is left empty; an error means that it did not answer.
func (s *Source) Target(ctx context.Context, resource schema.GroupVersionResource, kind schema.GroupVersionKind) (federatedtypes.TargetInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Many types are asked for one after the other when the server starts: not each
	// of them shall wait for a host that hangs.
	if s.failure != nil && time.Since(s.failedAt) < s.interval {
		s.failed[kind.GroupVersion()] = true
		return federatedtypes.TargetInfo{}, s.failure
	}
	begin := time.Now()
	info, err := s.target(ctx, resource, kind)
	if err != nil {
		if time.Since(begin) > s.interval {
			s.failure, s.failedAt = err, time.Now()
		}
		s.failed[kind.GroupVersion()] = true
		return federatedtypes.TargetInfo{}, err
	}
	return info, nil
}

func (s *Source) target(ctx context.Context, resource schema.GroupVersionResource, kind schema.GroupVersionKind) (federatedtypes.TargetInfo, error) {
	info := federatedtypes.TargetInfo{}
	var list metav1.APIResourceList
	if _, err := s.read(ctx, resourcePath(resource.GroupVersion()), &list); err != nil {
		return info, err
	}
	for _, r := range list.APIResources {
		if r.Name == resource.Resource {
			info.ShortNames = r.ShortNames
		}
	}
	document, err := s.document(ctx, kind.GroupVersion())
	if err != nil || document == nil {
		return info, err
	}
	info.Schema = document.target(kind)
	return info, nil
}

// document returns the document of gv, nil if the host has none. mu must be held.
func (s *Source) document(ctx context.Context, gv schema.GroupVersion) (*document, error) {
	if known, ok := s.documents[gv]; ok {
		known.used = time.Now()
		return known, nil
	}
	if s.index == nil {
		index, err := s.readIndex(ctx)
		if err != nil {
			return nil, err
		}
		s.index = index
	}
	read := &document{used: time.Now()}
	found, err := s.read(ctx, indexPath+resourcePath(gv), read)
	if err != nil || !found {
		return nil, err
	}
	s.documents[gv] = read
	return read, nil
}

// Run looks for changed documents until ctx ends, and calls changed with their
// group versions.
func (s *Source) Run(ctx context.Context, changed func(schema.GroupVersion)) {
	ticker := time.NewTicker(s.interval)
	defer ticker.Stop()
	answers := true
	for {
		found, err := s.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		if (err == nil) != answers {
			answers = err == nil
			if err != nil {
				klog.FromContext(ctx).Error(err, "The host's OpenAPI index cannot be read; schemas of target types stay as they are")
			} else {
				klog.FromContext(ctx).Info("The host's OpenAPI index can be read again")
			}
		}
		for _, gv := range found {
			changed(gv)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// poll reads the index and returns the group versions to look at again: those
// whose documents are not what they were, and those that could not be read.
func (s *Source) poll(ctx context.Context) ([]schema.GroupVersion, error) {
	current, err := s.readIndex(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = nil
	maps.DeleteFunc(s.documents, func(_ schema.GroupVersion, d *document) bool {
		return time.Since(d.used) > documentLife
	})
	changed := s.failed
	s.failed = map[schema.GroupVersion]bool{}
	for path := range union(current, s.index) {
		if gv, ok := groupVersionOf(path); ok && current[path] != s.index[path] {
			delete(s.documents, gv)
			changed[gv] = true
		}
	}
	s.index = current
	return slices.Collect(maps.Keys(changed)), nil
}

func (s *Source) readIndex(ctx context.Context) (map[string]string, error) {
	var index handler3.OpenAPIV3Discovery
	found, err := s.read(ctx, indexPath, &index)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("the host has no %s", indexPath)
	}
	addresses := make(map[string]string, len(index.Paths))
	for path, version := range index.Paths {
		addresses[path] = version.ServerRelativeURL
	}
	return addresses, nil
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// read decodes the JSON at path. A path that the host does not have is no error.
func (s *Source) read(ctx context.Context, path string, into any) (found bool, err error) {
	raw, err := s.client.Get().AbsPath(path).SetHeader("Accept", "application/json").Timeout(requestTimeout).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s from the host: %w", path, err)
	}
	if len(raw) == 0 {
		return false, nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return false, fmt.Errorf("decode %s of the host: %w", path, err)
	}
	return true, nil
}
