package report

// A word is an entry of the page's own glossary; docs/glossary.md has the same
// words, and more.
type word struct{ Anchor, Term, Meaning string }

// words explains what the analysis page speaks of, with formula and tolerance.
var words = []word{
	{"phi", "interpolation matrix, Phi", "Φ, what the units of a layer put out on the rows: Φᵢⱼ is unit j on row i, n rows by m units. The network hits its targets iff [Φ 1][A; c] = Y, with A the output weights and c the biases."},
	{"unit", "unit", "A neuron of a hidden layer: max(w·x + b, 0)."},
	{"kind", "kind", "The shape of Φ after permuting rows and units: diagonal, triangular (singleton elimination uses up all rows or all live units), block-triangular, block-diagonal or dense. Blocks share no nonzero."},
	{"density", "density", "The share of nonzeros: of Φ, of a row (units awake on it, of m), of a unit (rows it is awake on, of n)."},
	{"awake-asleep", "awake, asleep", "A unit is awake on a row when it puts out more than 0 there. Dead: asleep on all rows. Always on: awake on all rows."},
	{"duplicate", "duplicate units", "Units whose columns of Φ are positive multiples of each other up to rounding; each group counts as its size less one."},
	{"activation-pattern", "activation pattern", "The set of units awake on a row. Rows with one pattern see one affine function."},
	{"rank-structural-rank", "rank, structural rank", "Rank: singular values above the tolerance. The tolerance is max(n, m)·2⁻⁵² σ₁, and at least twice the rounding measured on a sample of the rows for a float32 network. Unsure: singular values lie within a factor 4 of it. Structural rank: the largest rank any matrix with these zeros has."},
	{"gap", "gap", "σᵣ / σᵣ₊₁, the quotient of the singular values on either side of the rank: the larger, the surer the rank."},
	{"condition", "condition", "σ₁ / σᵣ. An error in the targets grows by up to this factor in the weights."},
	{"essential-free", "essential, free units", "Essential: a basis of the units beside the bias, by QR with column pivoting. Every output on these rows can be had with zero weight on the free ones. Their number is certain when the rank is; which they are is one choice of several."},
	{"clash", "clash", "Rows that need different outputs although the layer puts out exactly the same for both: nothing behind it can tell them apart."},
	{"scatter-ratio", "scatter ratio", "Tr(S_w S_b⁺): scatter within the classes against scatter of their means, S_w = mean of (h − μ_c)(h − μ_c)ᵀ, S_b = Σ_c (n_c/n)(μ_c − μ)(μ_c − μ)ᵀ. The smaller, the farther apart the classes. It changes with the layer's coordinates; He and Su, arXiv 2210.17020."},
	{"separable", "separable, margin", "A class is linearly separable in a layer when a hyperplane w·h + b = 0 has its rows on one side and all others on the other. Every verdict is proved without rounding: yes by such a hyperplane, no by a point that lies in the hulls of both. Margin: the largest distance all rows can have from one such hyperplane. Unknown: not decided in the time given (--patience); the bounds hold."},
	{"cost", "cost", "What the layer took, by its sizes, within a factor of two: floating point operations for its outputs, its reduction and its singular values, and the memory held at once. Sketched: more than --work allows, so leading singular values by a random range finder, with a bound of its error."},
	{"purity", "purity", "Of a unit: the largest share of one class among the rows it is awake on. Pure: 1."},
	{"solutions", "universal, specific", "Universal: rank [Φ 1] = n, any targets can be put on these layers. Specific: these targets can, not every one. None: these cannot."},
	{"space", "space of output layers", "All [A; c] with the same values on the rows: an affine space of dimension (m + 1 − rank [Φ 1])·p. Least norm: its point nearest to 0. Sparsest found: by orthogonal matching pursuit, no proof that there is none sparser."},
	{"memorised", "memorised", "A row that the output layer would miss had it been fitted without it. For least squares with ridge λ: y − g = (y − f)/(1 − H), H = Φ(ΦᵀΦ + λ)⁻¹Φᵀ the hat matrix, g the answer without the row; λ is the one that foretells left-out rows best. Score, classes: the best other class's g minus the own class's; regression: |y − g| as a fraction of the range."},
	{"leverage", "leverage", "Hᵢᵢ, between 0 and 1: how far row i's answer is its own target. 1: no other row has a say."},
	{"leans", "leans on", "The units with the largest parts in a row's answer: aⱼ hⱼ, or for classes what unit j adds to the lead of the row's class over the strongest other output. Units are numbered from 0."},
	{"plane", "leading directions", "The two directions of largest variance of a layer's outputs (principal components), by subspace iteration on a sample of the rows."},
}
