package main

import "testing"

func TestMergeKeepsTheOtherSections(t *testing.T) {
	before := "# Results\n\nhead\n\n## One: 5 rows\n\nold one\n\n## Two\n\nold two\n"
	after := "# Results\n\nanother head\n\n## One: 6 rows\n\nnew one\n\n## Three\n\nnew three\n"
	want := "# Results\n\nhead\n\n## One: 6 rows\n\nnew one\n\n## Two\n\nold two\n\n## Three\n\nnew three\n"
	if got := merge(before, after); got != want {
		t.Errorf("merged:\n%q\nwant:\n%q", got, want)
	}
	if got := merge(want, after); got != want {
		t.Errorf("merging twice changes the text:\n%q", got)
	}
}
