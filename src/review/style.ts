/** The page's only style sheet: light and dark, from a telephone's width on; contrast at least 4.5 to 1. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #566170; --rule: #d5dbe3; --wash: #f3f5f8;
  --accent: #1f5f9e; --on-accent: #fff; --chosen: #dcebfa; --warn: #fdf1dc; --warn-edge: #b86e00; --bad: #fbe6e3; --bad-edge: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181e; --ink: #e6eaf0; --soft: #a2adba; --rule: #343d49; --wash: #1d232c;
    --accent: #7ab5ee; --on-accent: #0d1218; --chosen: #1d3a57; --warn: #33270f; --warn-edge: #f2b04a; --bad: #3a1c1a; --bad-edge: #ff8a7d; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; height: 100dvh; display: flex; flex-direction: column; background: var(--paper); color: var(--ink);
  font: 16px/1.45 system-ui, sans-serif; }
h1, h2, p, dl, dd { margin: 0; }
h1 { font-size: 1rem; overflow-wrap: anywhere; } h1 .soft { font-weight: 400; }
h2 { font-size: 1rem; }
.soft { color: var(--soft); }
p.soft, .soft.small { font-size: .875rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -100vw; } .skip:focus { left: .5rem; top: .5rem; z-index: 1; background: var(--paper); padding: .5rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }

header { display: flex; align-items: center; gap: .5rem 1.5rem; padding: .6rem 1rem; border-bottom: 1px solid var(--rule); flex-wrap: wrap; }
.progress { flex: 1 1 20rem; min-width: 0; }
.progress p { font-size: .8125rem; color: var(--soft); font-variant-numeric: tabular-nums; }
progress { display: block; width: 100%; height: .5rem; margin-bottom: .2rem; appearance: none; border: 0; border-radius: .25rem; background: var(--rule); overflow: hidden; }
progress::-webkit-progress-bar { background: var(--rule); } progress::-webkit-progress-value { background: var(--accent); } progress::-moz-progress-bar { background: var(--accent); }
nav { display: flex; gap: .4rem; }
.banner { padding: .45rem 1rem; background: var(--warn); border-left: 4px solid var(--warn-edge); font-size: .9rem; }
.banner.trouble { background: var(--bad); border-color: var(--bad-edge); }

main { flex: 1 1 0; min-height: 0; display: grid; grid-template-columns: minmax(0, 1fr) minmax(15rem, 22rem); }
main.plain { display: block; padding: 2rem 1rem; max-width: 44rem; }
#stage, #grid, #nothing { grid-column: 1; min-width: 0; min-height: 0; padding: 1rem; }
#stage { display: flex; flex-direction: column; background: var(--wash); }
#frame { flex: 1 1 0; min-height: 0; display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr); place-items: center; cursor: zoom-in; }
#frame img { width: 100%; height: 100%; object-fit: contain; }
#frame img.pixels { max-width: 36rem; max-height: 36rem; }
img.pixels { image-rendering: pixelated; }
#guess { text-align: center; padding-top: .5rem; color: var(--soft); }
#nothing { grid-column: 1 / -1; align-self: center; justify-self: center; max-width: 40rem; } #nothing h2 { font-size: 1.4rem; margin-bottom: .4rem; }

#grid { overflow-y: auto; background: var(--wash); }
#tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .6rem; margin-top: .6rem; }
button.tile { display: flex; flex-direction: column; gap: .2rem; padding: .3rem; text-align: center; justify-content: flex-start; background: var(--paper); }
.tile img { width: 100%; aspect-ratio: 1; object-fit: contain; }
.tile span { min-height: 1.45em; width: 100%; font-weight: 600; font-size: .875rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tile:not(.answered) span { font-weight: 400; color: var(--soft); }
.tile.answered { background: var(--chosen); border-color: var(--accent); }

#answers { grid-column: 2; border-left: 1px solid var(--rule); padding: 1rem; display: flex; flex-direction: column; gap: .7rem; min-height: 0; }
#answers:focus { outline: none; }
#classes { flex: 0 1 auto; min-height: 0; overflow-y: auto; display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .4rem; padding: 5px; margin: -5px; }
#classes.list { flex: 1 1 0; display: block; border: 1px solid var(--rule); border-radius: .4rem; margin: 0; padding: .2rem; }
#classes [role=option] { padding: .3rem .5rem; border-radius: .3rem; cursor: pointer; display: flex; justify-content: space-between; gap: .5rem; overflow-wrap: anywhere; }
#classes [role=option] small { color: var(--soft); }
#classes [role=option]:hover { background: var(--wash); }
#classes [role=option][aria-selected=true] { background: var(--chosen); box-shadow: inset 3px 0 0 var(--accent); }
#classes .brush span::after { content: ' ✓'; }
#classes p { padding: .3rem .5rem; }
#search-box label { display: block; font-size: .875rem; color: var(--soft); margin-bottom: .2rem; }
.verdicts, .actions { display: flex; gap: .4rem; flex-wrap: wrap; }
.verdicts { border-top: 1px solid var(--rule); padding-top: .7rem; }
.verdicts button { flex: 1 1 auto; white-space: nowrap; }
.actions .main { flex: 1 1 100%; justify-content: center; }

button { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--rule); border-radius: .4rem; padding: .35rem .6rem; min-height: 2.4rem;
  cursor: pointer; display: inline-flex; align-items: center; gap: .5rem; text-align: left; }
button:hover:not(:disabled) { border-color: var(--accent); }
button:active:not(:disabled), button[aria-pressed=true] { background: var(--chosen); border-color: var(--accent); }
button:disabled { color: var(--soft); cursor: default; background: none; } #who:disabled { border-color: transparent; }
button.main { background: var(--accent); color: var(--on-accent); border-color: var(--accent); } button.main:disabled { background: none; color: var(--soft); border-color: var(--rule); }
#classes button { min-width: 0; } #classes button span { overflow-wrap: anywhere; min-width: 0; }
kbd { font: 600 .75rem/1 ui-monospace, monospace; border: 1px solid currentColor; border-radius: .25rem; padding: .2rem .35rem; min-width: 1.4rem; text-align: center; opacity: .8; flex: none; white-space: nowrap; }
input[type=text] { font: inherit; color: inherit; background: var(--paper); width: 100%; padding: .45rem .6rem; border: 1px solid var(--soft); border-radius: .4rem; }

footer { display: flex; justify-content: space-between; gap: .2rem 1.5rem; flex-wrap: wrap; border-top: 1px solid var(--rule); padding: .4rem 1rem; font-size: .8125rem; color: var(--soft); }

dialog { color: var(--ink); background: var(--paper); border: 1px solid var(--rule); border-radius: .6rem; padding: 1.2rem; max-width: 30rem; width: calc(100% - 2rem); }
dialog::backdrop { background: #0009; }
dialog h2 { font-size: 1.2rem; margin-bottom: .4rem; } dialog p { margin: .5rem 0; } dialog .actions { margin-top: 1rem; }
dialog dl { display: grid; grid-template-columns: max-content 1fr; gap: .45rem .9rem; margin: .8rem 0; } dialog dt { text-align: right; }
#zoom-dialog { max-width: none; width: 100vw; height: 100dvh; max-height: none; border: 0; border-radius: 0; padding: 0; }
#zoom-dialog[open] { display: flex; flex-direction: column; }
.toolbar { display: flex; gap: .4rem; align-items: center; padding: .5rem; border-bottom: 1px solid var(--rule); } .toolbar output { flex: 1; padding-left: .5rem; font-variant-numeric: tabular-nums; }
#zoom-pane { flex: 1; min-height: 0; overflow: auto; display: grid; background: var(--wash); cursor: grab; } #zoom-pane.dragged { cursor: grabbing; }
#zoom-pane:focus-visible { outline-offset: -3px; }
#zoom-pane img { display: block; margin: auto; height: auto; max-width: none; }

@media (max-width: 44rem) {
  main { grid-template-columns: minmax(0, 1fr); grid-template-rows: minmax(8rem, 1fr) minmax(0, auto); }
  #answers { grid-column: 1; border-left: 0; border-top: 1px solid var(--rule); padding: .6rem; gap: .5rem; max-height: 48dvh; }
  #answers h2 { display: none; } #stage, #grid { padding: .6rem; }
  #classes { grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr)); } #classes.list { min-height: 8rem; }
  .verdicts { padding-top: .5rem; } header { padding: .4rem .6rem; } h1 { flex: 1; } h1 .soft { display: none; } .progress { order: 1; flex-basis: 100%; }
  #words { display: none !important; } footer { padding: .3rem .6rem; } .banner { padding: .3rem .6rem; font-size: .8125rem; } button.tile { min-height: 0; } #tiles { grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); }
}
@media (pointer: coarse) and (hover: none) { kbd { display: none; } }
@media (max-height: 30rem) { #answers { overflow-y: auto; } #classes { flex: none; overflow: visible; } }
@media (prefers-reduced-motion: no-preference) { button { transition: background-color .08s; } }
@media (prefers-contrast: more) { :root { --soft: var(--ink); --rule: var(--ink); } kbd { opacity: 1; } }
`;
