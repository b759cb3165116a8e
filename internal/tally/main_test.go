package main

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	input := `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"B/x","Output":"loud\n"}
{"Action":"fail","Package":"p","Test":"B/x"}
{"Action":"output","Package":"p","Test":"C","Output":"    c_test.go:7: no file\n"}
{"Action":"output","Package":"p","Test":"C","Output":"--- SKIP: C\n"}
{"Action":"skip","Package":"p","Test":"C"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
{"Action":"output","Package":"q","Output":"ok  \tq\t0.1s\n"}
{"Action":"pass","Package":"q"}
go: some trouble
`
	var shown strings.Builder
	if c := read(strings.NewReader(input), &shown); c != (counts{1, 1, 1}) {
		t.Errorf("counts %+v", c)
	}
	for _, want := range []string{"loud", "no file", "FAIL\tp", "ok  \tq", "go: some trouble"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q is not shown in\n%s", want, shown.String())
		}
	}
	if strings.Contains(shown.String(), "quiet") {
		t.Errorf("the output of a test that passed is shown:\n%s", shown.String())
	}
}

// A package that does not build, or whose tests end early, has no failed test,
// and is a failure all the same.
func TestFailedPackageCounts(t *testing.T) {
	input := `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/a.go:1: nonsense\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p"}
`
	var shown strings.Builder
	if c := read(strings.NewReader(input), &shown); c != (counts{0, 1, 0}) {
		t.Errorf("counts %+v", c)
	}
	if !strings.Contains(shown.String(), "nonsense") {
		t.Errorf("the compiler's message is not shown:\n%s", shown.String())
	}
}
