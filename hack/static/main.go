// Command static checks that executables run in an image that has nothing else: static FOLDER..., each named like
// linux-amd64 after the platform of what is in it.
package main

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: static FOLDER...")
		os.Exit(2)
	}
	failed := false
	for _, folder := range os.Args[1:] {
		for _, name := range []string{"federation-apiserver", "kubectl-fed"} {
			path := filepath.Join(folder, name)
			if err := check(path, filepath.Base(folder)); err != nil {
				fmt.Fprintln(os.Stderr, path+":", err)
				failed = true
				continue
			}
			fmt.Println(path + ": static")
		}
	}
	if failed {
		os.Exit(1)
	}
}

// check returns what an executable for a platform would need beside itself.
func check(path, platform string) error {
	file, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	architecture := strings.TrimPrefix(platform, "linux-")
	if machine, known := machines[architecture]; !known || file.Machine != machine {
		return fmt.Errorf("is for %s, not for %s", file.Machine, architecture)
	}
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			return fmt.Errorf("needs an interpreter")
		}
	}
	libraries, err := file.ImportedLibraries()
	if err != nil {
		return err
	}
	if len(libraries) > 0 {
		return fmt.Errorf("needs %s", strings.Join(libraries, ", "))
	}
	return nil
}
