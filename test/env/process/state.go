package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// record is what is known of one process: how to start it and, while it runs, who it is.
type record struct {
	Spec     Spec      `json:"spec"`
	Identity *Identity `json:"identity,omitempty"`
}

// state is the content of the state file, in the order of definition.
type state struct {
	Processes []*record `json:"processes"`
}

func (s *state) find(name string) *record {
	for _, r := range s.Processes {
		if r.Spec.Name == name {
			return r
		}
	}
	return nil
}

func loadState(path string) (*state, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &state{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state of the processes: %w", err)
	}
	loaded := &state{}
	if err := json.Unmarshal(data, loaded); err != nil {
		return nil, fmt.Errorf("parse %s: %w", path, err)
	}
	return loaded, nil
}

// save replaces the file in one step: a crash leaves the old state or the new one, never half of it.
func (s *state) save(path string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the state of the processes: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write the state of the processes: %w", err)
	}
	_, err = file.Write(append(data, '\n'))
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the state of the processes: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}
