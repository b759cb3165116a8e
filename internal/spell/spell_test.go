package spell

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3},
		{"slab", "salb", 1}, {"Deep_Slab", "deep-slab", 0}, {"ca", "abc", 3}, {"naïve", "naive", 1},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"affine", "sorted", "slab", "deep-slab", "identity"}
	for given, want := range map[string]string{
		"afine": "affine", "deepslab": "deep-slab", "SLAB": "slab", "slob": "slab",
		"indentity": "identity", "quantum": "", "x": "",
	} {
		if got := Nearest(given, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", given, got, want)
		}
	}
	if got := Nearest("slab", nil); got != "" {
		t.Errorf("Nearest among no names = %q", got)
	}
}
