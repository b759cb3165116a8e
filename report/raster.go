package report

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"image"
	"image/color"
	"image/png"
)

// Colours of classes, in order, chosen to stay apart for colour-blind readers
// and to be seen on white and on black. Further classes repeat them.
var classColors = []color.NRGBA{
	{0x2f, 0x6f, 0xd0, 0xff}, // blue
	{0xe0, 0x7b, 0x1a, 0xff}, // orange
	{0x1a, 0x9e, 0x77, 0xff}, // green
	{0xb5, 0x4f, 0xb8, 0xff}, // purple
	{0xd6, 0x3b, 0x4b, 0xff}, // red
	{0x8a, 0x8f, 0x1c, 0xff}, // olive
	{0x1b, 0x9f, 0xb8, 0xff}, // teal
	{0x9a, 0x66, 0x4a, 0xff}, // brown
	{0xe0, 0x6a, 0x9e, 0xff}, // pink
	{0x77, 0x77, 0x88, 0xff}, // grey
}

func classColor(c int) color.NRGBA { return classColors[c%len(classColors)] }

// valueStops run from low to high values: one hue path, dark to bright.
var valueStops = []color.NRGBA{
	{0x2b, 0x3a, 0x8c, 0xff},
	{0x2a, 0x7d, 0xb5, 0xff},
	{0x3d, 0xb0, 0x9a, 0xff},
	{0xa8, 0xcf, 0x5a, 0xff},
	{0xf7, 0xdf, 0x4b, 0xff},
}

// valueColor returns the colour of v in [0, 1]; outside it is clamped.
func valueColor(v float64) color.NRGBA {
	if !(v > 0) {
		return valueStops[0]
	}
	if v >= 1 {
		return valueStops[len(valueStops)-1]
	}
	at := v * float64(len(valueStops)-1)
	k := int(at)
	return mix(valueStops[k], valueStops[k+1], at-float64(k))
}

func mix(a, b color.NRGBA, t float64) color.NRGBA {
	blend := func(x, y uint8) uint8 { return uint8(float64(x) + t*(float64(y)-float64(x)) + 0.5) }
	return color.NRGBA{blend(a.R, b.R), blend(a.G, b.G), blend(a.B, b.B), blend(a.A, b.A)}
}

// css returns the colour as #rrggbb.
func css(c color.NRGBA) string {
	const digits = "0123456789abcdef"
	b := []byte("#000000")
	for i, v := range []uint8{c.R, c.G, c.B} {
		b[1+2*i], b[2+2*i] = digits[v>>4], digits[v&15]
	}
	return string(b)
}

// dataURI returns the picture as a PNG inside a data: address, so that the
// page stays one file.
func dataURI(img image.Image) template.URL {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "" // only a picture of no pixels fails to encode
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}
