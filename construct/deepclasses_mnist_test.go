package construct_test

import (
	"os"
	"testing"
	"time"

	"hinge/certify"
	"hinge/construct"
	"hinge/internal/blas"
)

// TestDeepClassesMNIST builds the exact classifiers of slabs and of blocks for
// pictures of ten classes. HINGE_MNIST=full takes all 60,000, minutes of work.
func TestDeepClassesMNIST(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	blas.Use()
	rows, most := 2000, map[string]int{"slab-classes": 40, "deep-blocks": 60}
	if os.Getenv("HINGE_MNIST") == "full" {
		rows, most = 60000, map[string]int{"slab-classes": 400, "deep-blocks": 160}
	}
	set, test := mnist(t, "train", rows), mnist(t, "t10k", 10000)
	for _, name := range []string{"slab-classes", "deep-blocks"} {
		start := time.Now()
		net, err := catalogued(t, name).Construct(&construct.Problem{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		built := time.Since(start)
		cert, err := certify.Certify(net, set, certify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s, %d rows: %d hidden units, %d parameters, built in %v, margin %.2g, test accuracy %.4f",
			name, set.N(), net.Units(), net.Parameters(), built, cert.MinMargin, accuracy(net, test))
		if !cert.Holds || net.Units() > most[name] {
			t.Errorf("%s: %d of %d rows, %d units, want at most %d", name, cert.Hit, cert.Rows, net.Units(), most[name])
		}
	}
}
