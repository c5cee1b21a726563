/** The report's only style sheet. Tones are told apart by colour-blind readers too, and again by legends and titles. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #5b6675; --rule: #dfe4ea; --wash: #f4f6f9;
  --accepted: #2a6fb0; --open: #d98a00; --outlier: #8d5aa8; --error: #c0392b; --estimate: #5b6675;
  --conditional: #8a6d00; --certificate: #1e7d4b; --on-fill: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181e; --ink: #e6eaf0; --soft: #9aa6b4; --rule: #2e3641; --wash: #1c222b;
    --accepted: #62a4e3; --open: #f2b04a; --outlier: #c796e0; --error: #ff8073; --estimate: #9aa6b4;
    --conditional: #e3c34f; --certificate: #5fcf97; --on-fill: #10141a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 .6rem .2rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
p { margin: .4rem 0; max-width: 44rem; }
.lead { font-size: 1.15rem; }
.soft, figcaption, caption { color: var(--soft); font-size: .875rem; }
.status { display: inline-block; padding: .05rem .6rem; border-radius: 1rem; border: 1px solid currentColor; font-size: .875rem; }
.status.completed { color: var(--accepted); } .status.failed, .status.cancelled { color: var(--error); }
.banner { border-left: 4px solid var(--open); background: var(--wash); padding: .6rem .9rem; margin: 1rem 0; max-width: none; }
.banner.failure { border-color: var(--error); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .8125rem; }
.scroll > table { min-width: 100%; }
th, td { padding: .35rem .4rem; text-align: right; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; } thead th { vertical-align: bottom; line-height: 1.25; }
th:first-child, td.text, th.text { text-align: left; }
td small { display: block; color: var(--soft); white-space: nowrap; }
td.text { min-width: 4.5rem; overflow-wrap: anywhere; }
code { font-size: .85em; overflow-wrap: anywhere; background: var(--wash); padding: .1em .3em; border-radius: 3px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.2rem 2rem; align-items: start; }
figure { margin: 0; min-width: 0; } svg { display: block; width: 100%; max-width: 34rem; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .1rem 0 .4rem; font-size: .8125rem; color: var(--soft); }
.legend span::before { content: ''; display: inline-block; width: .75em; height: .75em; margin-right: .4em; border-radius: 2px; background: var(--tone); }
svg text { font: 12px system-ui, sans-serif; } .tick { fill: var(--soft); } .value, .cell-value { fill: var(--ink); }
.cell-value { font-size: 11px; } .cell-value.on-fill { fill: var(--on-fill); }
.grid { stroke: var(--rule); } .reference, .cut { stroke: var(--ink); stroke-dasharray: 5 4; } .cell { fill: var(--wash); }
.line { fill: none; stroke: var(--tone); stroke-width: 2; } .line.dashed { stroke-dasharray: 4 4; }
.dot, .bar { fill: var(--tone); }
.accepted { --tone: var(--accepted); } .open { --tone: var(--open); } .outlier { --tone: var(--outlier); }
.error { --tone: var(--error); } .estimate { --tone: var(--estimate); }
.conditional { --tone: var(--conditional); } .certificate { --tone: var(--certificate); }
.statement { border-left: 4px solid var(--tone); background: var(--wash); padding: .3rem .9rem; margin: 1rem 0; }
.montage { display: grid; grid-template-columns: repeat(auto-fill, minmax(5rem, 1fr)); gap: .7rem .5rem; margin: .6rem 0; }
.montage figure { text-align: center; } .montage img { width: 4rem; height: 4rem; object-fit: contain; image-rendering: pixelated; background: #8884; }
.montage figcaption { font-size: .75rem; line-height: 1.3; overflow-wrap: anywhere; } .montage b { color: var(--ink); display: block; }
.montage .wrong b { color: var(--error); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; margin: .6rem 0; } dt { color: var(--soft); } dd { margin: 0; min-width: 0; }
@media (max-width: 32rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { main { max-width: none; } section, figure { break-inside: avoid; } }
`;
