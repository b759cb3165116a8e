// Package spell finds the name that was meant.
//
// Call [Nearest] with the name given and the names there are.
package spell

// Nearest returns the candidate closest to name, or "" when none is close: at
// most a third of the letters, and at least one, may differ. Upper and lower
// case, and - and _, count as equal. The first of equally close candidates wins.
func Nearest(name string, candidates []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		if d := Distance(name, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// Distance returns the number of letters to insert, delete, replace, or swap
// with their neighbour to turn a into b (optimal string alignment), upper and
// lower case and - and _ being equal. O(len(a) len(b)).
func Distance(a, b string) int {
	x, y := folded(a), folded(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			replace := last[j-1]
			if x[i-1] != y[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}

func folded(s string) []rune {
	r := []rune(s)
	for i, c := range r {
		switch {
		case c >= 'A' && c <= 'Z':
			r[i] = c - 'A' + 'a'
		case c == '_':
			r[i] = '-'
		}
	}
	return r
}
