package main

import "strings"

// heading starts a section of the results.
const heading = "\n## "

// merge puts the sections of a run of some sections in the place of those in the
// results of earlier runs that begin with the same words, up to a colon. New ones
// go to the end.
func merge(before, after string) string {
	old, fresh := strings.Split(before, heading), strings.Split(after, heading)
	for _, section := range fresh[1:] {
		at := len(old)
		for k := 1; k < len(old); k++ {
			if topic(old[k]) == topic(section) {
				at = k
			}
		}
		if at == len(old) {
			old[at-1] = strings.TrimRight(old[at-1], "\n") + "\n"
			old = append(old, "")
		}
		old[at] = strings.TrimRight(section, "\n") + "\n"
	}
	return strings.Join(old, heading)
}

// topic is the heading of a section up to a colon.
func topic(section string) string {
	line, _, _ := strings.Cut(section, "\n")
	words, _, _ := strings.Cut(line, ":")
	return words
}
