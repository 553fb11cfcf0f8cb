package env

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kubefederation/federation-apiserver/test/env/controlplane"
	"github.com/kubefederation/federation-apiserver/test/env/loopback"
)

const (
	layoutFile    = "environment.json"
	processesFile = "processes.json"
	controlSocket = "control.sock"
)

// layout is what stays the same while an environment exists, also over restarts of its processes. It is stored, so that
// other programs can attach.
type layout struct {
	Detached   bool   `json:"detached"`
	Federation bool   `json:"federation"`
	Joined     bool   `json:"joined"`
	Binaries   string `json:"binaries"`
	Project    string `json:"project,omitempty"`
	Host       plan   `json:"host"`
	Members    []plan `json:"members"`
	// ServerPort is where the host reaches the federation server.
	ServerPort int `json:"serverPort"`
	// ReplicaPorts are those of the servers themselves: just ServerPort if there is one.
	ReplicaPorts []int    `json:"replicaPorts"`
	ServerArgs   []string `json:"serverArgs,omitempty"`
	// Store are the members of the etcd that several replicas share.
	Store []storeMember `json:"store,omitempty"`
	// Complete says that the environment was usable once.
	Complete bool `json:"complete"`
}

// plan is one cluster.
type plan struct {
	Name   string `json:"name"`
	Region string `json:"region,omitempty"`
	Zone   string `json:"zone,omitempty"`
	Port   int    `json:"port"`
	// Relay is the address through which the federation reaches it.
	Relay string              `json:"relay,omitempty"`
	Nodes []controlplane.Node `json:"nodes,omitempty"`
}

// regions are given to members in turn.
var regions = []string{"eu-west", "us-east", "ap-south", "sa-east", "af-south", "au-east"}

func newLayout(options Options) (*layout, error) {
	shared := options.Replicas > 1
	count := len(options.Members) + 2
	if shared {
		count += options.Replicas + 2*storeMembers
	}
	ports, err := loopback.FreePorts(count)
	if err != nil {
		return nil, err
	}
	l := &layout{
		Detached:     options.Detached,
		Federation:   !options.WithoutFederation,
		Joined:       !options.WithoutFederation && !options.WithoutJoin,
		Host:         plan{Name: HostName, Port: ports[0]},
		ServerPort:   ports[1],
		ReplicaPorts: ports[1:2],
	}
	if shared {
		rest := ports[len(options.Members)+2:]
		l.ReplicaPorts, rest = rest[:options.Replicas], rest[options.Replicas:]
		for i := range storeMembers {
			l.Store = append(l.Store, storeMember{ClientPort: rest[2*i], PeerPort: rest[2*i+1]})
		}
	}
	for i, name := range options.Members {
		region := regions[i%len(regions)]
		member := plan{Name: name, Region: region, Zone: region + "-a", Port: ports[i+2]}
		for j, zone := range []string{region + "-a", region + "-b"} {
			member.Nodes = append(member.Nodes, controlplane.Node{
				Name:   name + "-node-" + strconv.Itoa(j+1),
				Region: region,
				Zone:   zone,
			})
		}
		l.Members = append(l.Members, member)
	}
	return l, nil
}

// ErrNoEnvironment says that a folder holds no environment.
var ErrNoEnvironment = errors.New("no environment")

func loadLayout(dir string) (*layout, error) {
	data, err := os.ReadFile(filepath.Join(dir, layoutFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoEnvironment)
	}
	if err != nil {
		return nil, fmt.Errorf("read the environment: %w", err)
	}
	l := &layout{}
	if err := json.Unmarshal(data, l); err != nil {
		return nil, fmt.Errorf("parse the environment in %s: %w", dir, err)
	}
	return l, nil
}

func (l *layout) save(dir string) error {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the environment: %w", err)
	}
	path := filepath.Join(dir, layoutFile)
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the environment: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the environment: %w", err)
	}
	return nil
}
