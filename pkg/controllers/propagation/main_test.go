package propagation

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// worldsAtOnce is how many worlds run side by side where nobody says otherwise: to
// start and end one, and what it goes through, is to wait rather than to work.
const worldsAtOnce = 6

func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		if err := flag.Set(parallel.Name, strconv.Itoa(worldsAtOnce)); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
