package postgres

import "testing"

// The bytes are those of PostgreSQL's own conversion, convert_to(name, 'WIN1252').
func TestInWestern(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"app_a": "", "müller_a": "m\xfcller_a", "preis€ž_a": "preis\x80\x9e_a", "Ÿ": "\x9f", "żółw": "", "日本": "", "a\u0081": ""} {
		if got, ok := inWestern(name); got != want && (ok || want != "") {
			t.Errorf("%q: %q, %v; want %q", name, got, ok, want)
		}
	}
}
