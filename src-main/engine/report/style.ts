/**
 * The look of a report: one column that reads on a screen in both themes and on paper. Colours are
 * those of the application's tokens; every state is a word too, never colour alone.
 */
export const style = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#ffffff, #1a1a1d);
  --well: light-dark(#f4f4f6, #232327);
  --line: light-dark(#dddde2, #37373d);
  --text: light-dark(#1b1b1f, #ececf0);
  --muted: light-dark(#565660, #b2b2bc);
  --good: light-dark(#1b7339, #74d18f);
  --good-tint: light-dark(#e2f3e7, #1d3525);
  --look: light-dark(#8a5000, #f0b35a);
  --look-tint: light-dark(#fcefd9, #3d2e15);
  --bad: light-dark(#b3261e, #ff958b);
  --bad-tint: light-dark(#fce8e6, #452322);
  --unknown: light-dark(#5a5a64, #b2b2bc);
  --unknown-tint: light-dark(#ececf0, #303036);
  --bar: light-dark(#0b6b6b, #58c9c1);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto;
  padding: 40px 24px 64px;
  max-width: 880px;
  background: var(--paper);
  color: var(--text);
  font: 14px/21px system-ui, 'Adwaita Sans', Cantarell, 'Noto Sans', sans-serif;
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
}
header { border-bottom: 1px solid var(--line); padding-bottom: 12px; color: var(--muted); }
header strong { color: var(--text); font-weight: 600; }
h1 { margin: 0; font-size: 24px; line-height: 32px; font-weight: 600; text-wrap: balance; }
h2 { margin: 36px 0 4px; font-size: 16px; line-height: 24px; font-weight: 600; }
h2 + p { margin: 0 0 8px; color: var(--muted); }
.verdict { margin: 24px 0 0; padding: 20px 24px; border-radius: 8px; border-left: 4px solid; }
.verdict p { margin: 6px 0 0; }
.verdict .word { margin: 0 0 4px; font-weight: 600; }
.good { background: var(--good-tint); border-color: var(--good); }
.look { background: var(--look-tint); border-color: var(--look); }
.bad { background: var(--bad-tint); border-color: var(--bad); }
.unknown { background: var(--unknown-tint); border-color: var(--unknown); }
.good .word { color: var(--good); }
.look .word { color: var(--look); }
.bad .word { color: var(--bad); }
.unknown .word { color: var(--unknown); }
dl.figures { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0 0; }
dl.figures div { flex: 1 1 140px; padding: 12px 16px; border-radius: 8px; background: var(--well); }
dl.figures dt { color: var(--muted); font-size: 13px; }
dl.figures dd { margin: 0; font-size: 22px; line-height: 30px; font-weight: 600; }
dl.figures small { font-size: 13px; font-weight: 400; color: var(--muted); }
table { width: 100%; border-collapse: collapse; margin-top: 4px; }
th { text-align: left; font-weight: 600; font-size: 12px; line-height: 18px; color: var(--muted); }
th, td { padding: 7px 16px 7px 0; vertical-align: top; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
td.time, td.short { white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
td p { margin: 0; }
th.when { width: 152px; }
th.who { width: 32%; }
th.store { width: 26%; }
td strong { font-weight: 600; }
.damage { color: var(--bad); font-weight: 600; }
.state { display: inline-block; padding: 0 8px; border-radius: 10px; border: 0; font-weight: 600;
  font-size: 12px; white-space: nowrap; }
.state.good { color: var(--good); }
.state.look { color: var(--look); }
.state.bad { color: var(--bad); }
.state.unknown { color: var(--unknown); }
.muted { color: var(--muted); }
.bar { height: 6px; margin: 7px 0 4px; border-radius: 3px; background: var(--line);
  overflow: hidden;
  min-width: 120px; }
.bar i { display: block; height: 100%; background: var(--bar); }
.bar.bad i { background: var(--bad); }
.bar.look i { background: var(--look); }
footer { margin-top: 40px; padding-top: 12px; border-top: 1px solid var(--line);
  color: var(--muted); font-size: 12px; line-height: 18px; }
footer p { margin: 0 0 4px; }
@media (max-width: 620px) {
  .wide thead { display: none; }
  .wide tr { display: block; padding: 8px 0; border-bottom: 1px solid var(--line); }
  .wide td { display: block; padding: 1px 0; border: 0; text-align: left; }
}
@page { margin: 16mm; }
@media print {
  :root { color-scheme: light; }
  body { padding: 0; max-width: none; font-size: 10pt; line-height: 14pt; }
  h1 { font-size: 16pt; line-height: 20pt; }
  h2 { break-after: avoid; margin-top: 20pt; font-size: 12pt; }
  h2 + p { break-after: avoid; }
  thead { display: table-header-group; }
  tr, .verdict, dl.figures { break-inside: avoid; }
  .verdict, dl.figures div { border: 1px solid var(--line); border-left-width: 4px; }
  .bar, .bar i { print-color-adjust: exact; }
}
`;
