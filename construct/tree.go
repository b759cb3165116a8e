package construct

import (
	"fmt"
	"math"
	"slices"

	"hinge/dataset"
	"hinge/network"
)

// Tree: a decision tree grown until every leaf is pure, as a network of leaf
// indicators. Two hidden layers, density of Phi one in (leaves).
//
// A node that holds rows of one class, or of one value, is a leaf. Any other is
// split by a hyperplane: across a feature, or, for classes, across the direction
// that a linear classifier finds between two groups of them (tree_split.go). The
// first hidden layer holds two ramps per hyperplane, the second one unit per
// leaf, exactly 1 on the rows of the leaf and exactly 0 on all others
// (tree_boxes.go has the theorem); the output is the label of the leaf:
//
//	row -> ramps of its hyperplanes -> 0 ... 0 1 0 ... 0 -> label
//
// So outputs are stored numbers, returned bit for bit. Every tree with m leaves
// has m - 1 splits and makes at most 3m - 2 units. How many leaves it takes is up
// to the data: two where one hyperplane parts two classes, n for n different real
// targets, and about n/(d+1) for labels drawn at random.
//
// Oblique splits cost d numbers and rounding: t = u.x is known up to the error of
// its sum, which the ramp has to clear. Rows that differ at all differ in a
// feature, where t is exact, so that a tree can always be grown to the end.

func init() {
	register(&Construction{
		Name:   "tree",
		Title:  "a decision tree grown until its leaves are pure, one indicator unit per leaf",
		Source: "leaf indicators over hyperplanes: the sparse-matrix principle of Huang, arXiv 2208.07498",
		Plan:   planTree,
		Build:  buildTree,
	})
}

const (
	// treeSample is the number of rows up to which a plan grows the tree itself;
	// beyond, it grows trees of a half and of all of so many rows.
	treeSample = 1200
	// errorsPerLeaf is about how many rows that a tree of a sample gets wrong each
	// further leaf sets right, where the sample has fewer rows than some inputs and
	// is parted too easily to say more: 22 on MNIST.
	errorsPerLeaf = 20
	// wideInputs is the number of inputs from which the first layer is a full
	// matrix, which engines multiply fast; with fewer its directions are kept apart.
	wideInputs = 48
	// obliqueWork bounds (oblique splits) * (rows): beyond, the tree is grown
	// again across features only, whose gates are proved by sorting.
	obliqueWork = 2e7
)

func planTree(p *Problem) (Size, error) {
	n := p.Set.N()
	if n <= treeSample {
		net, err := buildTree(p)
		if err != nil {
			return Size{}, err
		}
		return Size{HiddenLayers: len(net.HiddenLayers()), Units: net.Units(), Parameters: net.Parameters(), WinsOnly: false}, nil
	}
	sizes, splits, unseen := [2]float64{}, 0.0, 0.0
	for k, rows := range []int{treeSample / 2, treeSample} {
		part := *p
		part.Set = p.Set.Select(everyNth(n, rows))
		g, err := growTree(&part)
		if err != nil {
			return Size{}, err
		}
		sizes[k], splits = float64(g.leaves()), float64(len(g.directions))
		unseen = g.errorsOn(p.Set, rows)
	}
	// Leaves grow like a power of the rows: linearly for labels without sense.
	power := max(0, min(1, math.Log2(max(sizes[1], 1)/max(sizes[0], 1))))
	scale := math.Pow(float64(n)/treeSample, power)
	leaves := int(min(float64(n), math.Ceil(max(sizes[1]*scale, sizes[1]+unseen*float64(n)/errorsPerLeaf))))
	d, outputs := p.Set.D(), p.Set.P()
	size := Size{HiddenLayers: 2, Units: max(3*leaves-2, 1), Estimated: true}
	size.Parameters = 2*d + int(splits*scale)*d + 4*(leaves-1) + leaves*(min(2*d, 2*bitsOf(leaves))+1+outputs)
	return size, nil
}

// everyNth returns count of the n rows, evenly spaced.
func everyNth(n, count int) []int {
	rows := make([]int, count)
	for i := range rows {
		rows[i] = i * n / count
	}
	return rows
}

func bitsOf(n int) int { return int(math.Ceil(math.Log2(float64(max(n, 2))))) }

func buildTree(p *Problem) (*network.Network, error) {
	g, err := growTree(p)
	if err != nil {
		return nil, err
	}
	if g.leaves() == 1 {
		zero := network.NewDense(p.Set.P(), p.Set.D(), make([]float64, p.Set.P()*p.Set.D()))
		return &network.Network{Precision: p.Precision, Layers: []network.Layer{
			{Map: zero, Bias: slices.Clone(p.Set.Y.RawRowView(0)), Name: "labels"}}}, nil
	}
	bounds, tree := g.sorted()
	b := newBoxes(bounds, []boxTree{tree})
	b.numberRamps()
	d := p.Set.D()
	directions := network.NewDense(len(g.directions), d, make([]float64, len(g.directions)*d))
	for k, u := range g.directions {
		copy(directions.Row(k), u)
	}
	layers := append([]network.Layer{g.scale}, b.layers(directions, g.wide)...)
	return &network.Network{Precision: p.Precision, Layers: append(layers, network.Layer{Map: g.labels(b), Name: "labels"})}, nil
}

// A grower grows one tree on all rows.
type grower struct {
	p     *Problem
	scale network.Layer
	*splitter
	wide bool

	directions [][]float64   // by axis
	axisOf     map[int]int32 // the axis of a feature
	bounds     []boundary
	tree       boxTree
	row        []int // by node: a row of the leaf, -1 for a split
}

// growTree grows the tree, with oblique splits where they pay and are few enough.
func growTree(p *Problem) (*grower, error) {
	scale, x := inputLayer(p)
	for _, oblique := range []bool{true, false} {
		g := &grower{p: p, scale: scale, axisOf: map[int]int32{}, wide: p.Set.D() >= wideInputs}
		g.splitter = newSplitter(p, x, g.wide)
		g.oblique = oblique && p.Set.IsClasses() && p.Set.D() > 1
		rows := make([]int, p.Set.N())
		for i := range rows {
			rows[i] = i
		}
		done, err := g.grow(rows)
		if err != nil {
			return nil, err
		}
		if done {
			return g, nil
		}
	}
	return nil, treeUnfit("its oblique splits are too many", "use identity")
}

func treeUnfit(reason, advice string) error {
	return &UnfitError{Construction: "tree", Reason: reason, Advice: advice}
}

// grow grows the tree below its root; false when it takes too many oblique
// splits.
func (g *grower) grow(rows []int) (bool, error) {
	type task struct {
		node int32
		rows []int
	}
	g.addNode()
	for open := []task{{0, rows}}; len(open) > 0; {
		t := open[len(open)-1]
		open = open[:len(open)-1]
		if g.pure(t.rows) {
			g.row[t.node] = t.rows[0]
			continue
		}
		s, ok := g.split(t.rows, uint64(t.node))
		if !ok {
			i, j := g.different(t.rows)
			return false, treeUnfit(fmt.Sprintf("rows %d and %d have different targets and are too close for %v to part them", g.p.Set.Rows[i], g.p.Set.Rows[j], g.p.Precision),
				"no construction parts rows that rounding makes equal; drop one"+orFloat64(g.p))
		}
		left, right := g.addNode(), g.addNode()
		g.tree.split[t.node], g.tree.left[t.node], g.tree.right[t.node] = int32(len(g.bounds)), left, right
		s.bound.axis = g.axis(s)
		g.bounds = append(g.bounds, s.bound)
		if obliques := len(g.directions) - len(g.axisOf); float64(obliques)*float64(g.p.Set.N()) > obliqueWork && g.oblique && !g.wide {
			return false, nil
		}
		open = append(open, task{right, s.right}, task{left, s.left})
	}
	return true, nil
}

func (g *grower) addNode() int32 {
	g.tree.split, g.tree.left, g.tree.right = append(g.tree.split, -1), append(g.tree.left, -1), append(g.tree.right, -1)
	g.row = append(g.row, -1)
	return int32(len(g.row) - 1)
}

// axis returns the number of the direction of a split.
func (g *grower) axis(s *treeSplit) int32 {
	next := int32(len(g.directions))
	if s.feature < 0 {
		g.directions = append(g.directions, s.u)
		return next
	}
	if at, known := g.axisOf[s.feature]; known {
		return at
	}
	u := make([]float64, g.p.Set.D())
	u[s.feature] = 1
	g.directions = append(g.directions, u)
	g.axisOf[s.feature] = next
	return next
}

// leaves returns the number of leaves.
func (g *grower) leaves() int { return (len(g.row) + 1) / 2 }

// sorted returns the boundaries in order and the tree over them.
func (g *grower) sorted() ([]boundary, boxTree) {
	bounds, place := sortBoundaries(g.bounds)
	t := boxTree{split: slices.Clone(g.tree.split), left: g.tree.left, right: g.tree.right}
	for node, at := range t.split {
		if at >= 0 {
			t.split[node] = place[at]
		}
	}
	return bounds, t
}

// errorsOn returns the share of rows beside those of everyNth(n, rows) that a tree
// grown on these gets wrong; 0 for a regression, where nothing is ever hit.
func (g *grower) errorsOn(set *dataset.Set, rows int) float64 {
	n := set.N()
	if !set.IsClasses() {
		return 0
	}
	scale, bias := g.scale.Map.(*network.Diagonal).D, g.scale.Bias
	wrong := 0
	x := make([]float64, set.D())
	for _, at := range everyNth(n, rows) {
		i := min(n-1, at+1)
		for j, v := range set.X.RawRowView(i) {
			x[j] = float64(scale[j]*v) + bias[j]
		}
		node := int32(0)
		for g.tree.split[node] >= 0 {
			b := g.bounds[g.tree.split[node]]
			if t, _ := dot(g.directions[b.axis], x); t < b.low+(b.high-b.low)/2 || t <= b.low {
				node = g.tree.left[node]
			} else {
				node = g.tree.right[node]
			}
		}
		if g.p.Set.Class[g.row[node]] != set.Class[i] {
			wrong++
		}
	}
	return float64(wrong) / float64(rows)
}

// labels returns the map from the leaves to the outputs.
func (g *grower) labels(b *boxes) network.Map {
	set := g.p.Set
	if set.IsClasses() {
		class := make([]int, b.count())
		for i, node := range b.leaves {
			class[i] = set.Class[g.row[node]]
		}
		return classIndicator(class, set.P())
	}
	m := network.NewDense(set.P(), b.count(), make([]float64, set.P()*b.count()))
	for i, node := range b.leaves {
		for o, y := range set.Y.RawRowView(g.row[node]) {
			m.Row(o)[i] = y
		}
	}
	return m
}
