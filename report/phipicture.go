package report

import (
	"fmt"
	"html/template"
	"image"
	"image/color"
	"math"
	"sort"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// Limits of the picture of Phi.
const (
	phiRows    = 256     // rows of data shown
	phiBins    = 320     // columns of the picture
	phiSorted  = 4096    // units up to which the columns are put in order
	phiBatch   = 1 << 22 // numbers of Phi held at once
	phiWork    = 8 << 30 // multiplications spent on the picture
	phiSweeps  = 3       // passes of ordering; more change nothing that is seen
	phiMinRows = 16
)

// PhiPicture draws the interpolation matrix: one line per row of data, one
// column per unit of the last hidden layer, ink where the unit is awake. Rows
// and units are put in an order that brings structure out; beyond phiRows rows
// or phiBins units the picture is a sample of the rows and gathers neighbouring
// units. It never forms the whole matrix. It returns nil for an affine network
// and for one too large to evaluate on phiMinRows rows.
func PhiPicture(net *network.Network, set *dataset.Set) *Picture {
	l := net.LastHidden()
	if l < 0 || set.N() == 0 {
		return nil
	}
	rows := sample(set.N(), phiRows)
	if affordable := phiWork / max(net.Parameters(), 1); affordable < len(rows) {
		if affordable < phiMinRows && affordable < set.N() {
			return nil
		}
		rows = sample(set.N(), affordable)
	}
	m := net.Layers[l].Width()
	var ink *mat.Dense
	how := ""
	if m <= phiSorted {
		ink = net.Activations(selectRows(set.X, rows), l)
		scaleColumns(ink)
		ink = seriate(ink)
		if len(rows) < set.N() {
			ink = withoutAsleep(ink)
		}
		if _, awake := ink.Dims(); awake > phiBins {
			ink = gather(ink, phiBins)
			how = fmt.Sprintf(", gathered into %d columns", phiBins)
		}
	} else {
		ink = gatherInBatches(net, set, rows, l)
		scaleColumns(ink)
		how = fmt.Sprintf(", gathered into %d columns", phiBins)
	}
	if len(rows) < set.N() && m <= phiSorted {
		how += ", but for those asleep on all rows shown"
	}
	caption := fmt.Sprintf("Down: %s. Across: %s of the last hidden layer%s. Ink: the unit is awake on the row, the darker the nearer to its largest value.",
		counted(len(rows), set.N(), "row", "rows"), counted(m, m, "unit", "units"), how)
	return &Picture{Title: "The interpolation matrix Φ", SVG: phiSVG(ink, caption), Caption: caption}
}

// withoutAsleep drops the columns without ink, which seriate has put last.
func withoutAsleep(ink *mat.Dense) *mat.Dense {
	n, m := ink.Dims()
	awake := m
	for awake > 1 && mat.Sum(ink.ColView(awake-1)) == 0 {
		awake--
	}
	return mat.DenseCopyOf(ink.Slice(0, n, 0, awake))
}

func selectRows(x *mat.Dense, rows []int) *mat.Dense {
	_, d := x.Dims()
	out := mat.NewDense(len(rows), d, nil)
	for k, i := range rows {
		out.SetRow(k, x.RawRowView(i))
	}
	return out
}

// scaleColumns brings every column's largest absolute entry to 1.
func scaleColumns(phi *mat.Dense) {
	n, m := phi.Dims()
	top := make([]float64, m)
	for i := 0; i < n; i++ {
		for j, v := range phi.RawRowView(i) {
			top[j] = max(top[j], math.Abs(v))
		}
	}
	for i := 0; i < n; i++ {
		row := phi.RawRowView(i)
		for j := range row {
			if top[j] > 0 {
				row[j] = math.Abs(row[j]) / top[j]
			}
		}
	}
}

// seriate puts rows and columns in the order of the centres of their ink, in
// turn: bands, triangles and blocks then lie along the diagonal.
func seriate(phi *mat.Dense) *mat.Dense {
	n, m := phi.Dims()
	rows, cols := identityOrder(n), identityOrder(m)
	for sweep := 0; sweep < phiSweeps; sweep++ {
		sortByCentre(rows, cols, func(i, j int) float64 { return phi.At(i, j) })
		sortByCentre(cols, rows, func(j, i int) float64 { return phi.At(i, j) })
	}
	out := mat.NewDense(n, m, nil)
	for a, i := range rows {
		row := out.RawRowView(a)
		for b, j := range cols {
			row[b] = phi.At(i, j)
		}
	}
	return out
}

func identityOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// sortByCentre orders lines by the mean position, within across, of the places
// where they have ink; lines without ink go last.
func sortByCentre(lines, across []int, at func(line, place int) float64) {
	centre := make(map[int]float64, len(lines))
	for _, i := range lines {
		sum, count := 0.0, 0
		for k, j := range across {
			if at(i, j) > 0 {
				sum += float64(k)
				count++
			}
		}
		centre[i] = math.Inf(1)
		if count > 0 {
			centre[i] = sum / float64(count)
		}
	}
	sort.SliceStable(lines, func(a, b int) bool { return centre[lines[a]] < centre[lines[b]] })
}

// gather reduces the columns to bins, each the largest of its columns.
func gather(phi *mat.Dense, bins int) *mat.Dense {
	n, m := phi.Dims()
	out := mat.NewDense(n, bins, nil)
	for i := 0; i < n; i++ {
		row := out.RawRowView(i)
		for j, v := range phi.RawRowView(i) {
			b := j * bins / m
			row[b] = max(row[b], math.Abs(v))
		}
	}
	return out
}

// gatherInBatches evaluates layer l on the rows a few at a time.
func gatherInBatches(net *network.Network, set *dataset.Set, rows []int, l int) *mat.Dense {
	out := mat.NewDense(len(rows), phiBins, nil)
	batch := max(1, phiBatch/net.Layers[l].Width())
	for from := 0; from < len(rows); from += batch {
		to := min(from+batch, len(rows))
		part := gather(net.Activations(selectRows(set.X, rows[from:to]), l), phiBins)
		for i := from; i < to; i++ {
			out.SetRow(i, part.RawRowView(i-from))
		}
	}
	order := identityOrder(len(rows))
	sortByCentre(order, identityOrder(phiBins), out.At)
	return selectRows(out, order)
}

// phiSVG paints the matrix as transparent ink, so that it suits any background.
func phiSVG(ink *mat.Dense, alt string) template.HTML {
	n, m := ink.Dims()
	img := image.NewNRGBA(image.Rect(0, 0, m, n))
	tone := classColors[0]
	for i := 0; i < n; i++ {
		for j, v := range ink.RawRowView(i) {
			if v > 0 {
				img.SetNRGBA(j, i, color.NRGBA{tone.R, tone.G, tone.B, uint8(70 + 185*math.Sqrt(min(v, 1)))})
			}
		}
	}
	height := 520 * min(0.8, max(0.35, float64(n)/float64(m)))
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 520 %.0f" role="img" aria-label="%s"><image class="phi" x="1" y="1" width="518" height="%.0f" preserveAspectRatio="none" href="%s"/><rect class="frame" x="0.5" y="0.5" width="519" height="%.0f"/></svg>`,
		height, escape(alt), height-2, string(dataURI(img)), height-1))
}
