import type { Verdict } from '../../contracts/audit.js';
import type { QuestionsReply } from '../wire.js';
import { Api, Refused } from './api.js';
import { Classes } from './classes.js';
import { Deck, type Loaded } from './deck.js';
import { announce, element, make, plural } from './dom.js';
import { Grid, TILES } from './grid.js';
import { COMMAND_KEYS, meaningOf, type Command } from './keys.js';
import { askName, keepName, keptName, keptStorage, seat } from './person.js';
import { Outbox } from './outbox.js';
import { showProgress } from './status.js';
import { Single } from './single.js';
import { Stopwatch } from './stopwatch.js';
import { Zoom } from './zoom.js';

/** A page looks again this often: at the progress, and so that its questions stay its own. */
const LOOK_MS = 20_000;
const EMPTY_LOOK_MS = 4_000;
/** Images ahead of the one that is shown. */
const AHEAD = 16;

async function begin(): Promise<void> {
  const api = new Api();
  const session = await api.session();
  const { run, classes: names } = session;
  element('run').textContent = run;
  document.title = `${run} – Labelloop`;
  const storage = keptStorage();
  let by = session.by ?? keptName(storage) ?? (await askName(''));
  keepName(storage, by);

  const watch = new Stopwatch();
  const zoom = new Zoom();
  const durations: number[] = [];
  let progress = session.progress;
  let gridOn = false;
  let brush: Verdict | null = null;
  let failed: Error | null = null;
  let withOthers = 0;
  let fetched = false;
  let shortcuts = true;
  let filling = false;
  let refillAgain = false;

  const deck = new Deck((limit, have) => api.questions(by, seat(), limit, have), onReply);
  const outbox = new Outbox({
    run,
    kept: storage,
    by: session.by,
    async send(answers) {
      const reply = await api.answer(answers);
      progress = reply.progress ?? progress;
      return reply;
    },
    onChange: () => draw(),
    onRefused(refused) {
      for (const { id } of refused) deck.forget(id);
      const [first] = refused;
      trouble(`${plural(refused.length, 'answer')} could not be taken: ${first?.reason ?? ''}`);
    },
  });
  const single = new Single(deck, watch, names, (loaded, verdict) => {
    outbox.give(answerOf(loaded, verdict));
    announce(`${nameOf(verdict)}. ${single.current ? 'Next image.' : 'No image is left.'}`);
    void refill();
  });
  const grid = new Grid(deck, watch, {
    nameOf,
    brush: () => brush,
    onChange: () => draw(),
    onSend(answers) {
      outbox.giveAll(answers.map(({ loaded, verdict }) => answerOf(loaded, verdict)));
      announce(`${plural(answers.length, 'answer')} sent.`);
      void refill();
    },
  });
  const classes = new Classes(names, (index) => choose(index, false));

  function nameOf(verdict: Verdict): string {
    if (verdict === 'unsure') return 'Cannot tell';
    return verdict === 'none' ? 'No such class' : (names[verdict] ?? '');
  }

  function answerOf({ card, seconds }: Loaded, verdict: Verdict) {
    durations.push(seconds);
    return { id: card.id, verdict, by, at: new Date().toISOString(), seconds };
  }

  /** @param key by its key: in the grid the image that has the focus is answered, too */
  function choose(verdict: Verdict, key: boolean): void {
    if (zoom.isOpen) zoom.close();
    if (!gridOn) return single.answer(verdict);
    brush = verdict;
    classes.mark(typeof verdict === 'number' ? verdict : null);
    for (const id of ['unsure', 'none'] as const) element(id).setAttribute('aria-pressed', String(verdict === id));
    if (key) grid.answer(verdict);
    draw();
  }

  function undo(): void {
    if (gridOn) return grid.clear();
    const taken = outbox.undo();
    if (taken === null) return announce('There is nothing to undo: the answer is with the server.');
    durations.pop();
    single.back(taken.id);
    announce(`${nameOf(taken.verdict)} is taken back.`);
    draw();
  }

  function toggleGrid(): void {
    // A view that draws meanwhile must be the one that comes, or the images would go back to the one that is left.
    gridOn = !gridOn;
    if (gridOn) single.leave();
    else grid.leave();
    outbox.flush();
    brush = null;
    classes.mark(null);
    for (const id of ['unsure', 'none'])
      if (gridOn) element(id).setAttribute('aria-pressed', 'false');
      else element(id).removeAttribute('aria-pressed');
    element('grid-toggle').setAttribute('aria-pressed', String(gridOn));
    announce(gridOn ? 'Many images at a time.' : 'One image at a time.');
    draw();
    void refill();
  }

  const commands: Record<Command, () => void> = {
    unsure: () => choose('unsure', true),
    none: () => choose('none', true),
    undo,
    zoom() {
      const current = gridOn ? grid.current : single.current;
      if (current) zoom.open(current);
    },
    grid: toggleGrid,
    help: () => element<HTMLDialogElement>('help-dialog').showModal(),
    search: () => classes.focus(),
    send: () => (gridOn ? grid.send() : outbox.flush()),
  };

  async function refill(force = false): Promise<void> {
    // One at a time; what was asked for meanwhile is asked for after it.
    refillAgain = filling;
    if (filling) return;
    filling = true;
    do {
      refillAgain = false;
      const want = gridOn ? 2 * TILES : AHEAD;
      const shown = gridOn ? grid.ids : single.current ? [single.current.card.id] : [];
      if (force || deck.size < want / 2) await deck.fill(want, [...shown, ...outbox.ids]);
      draw();
    } while (refillAgain);
    filling = false;
  }

  function onReply(reply: QuestionsReply | Error): void {
    if (reply instanceof Error) {
      failed = reply;
      return;
    }
    failed = null;
    fetched = true;
    progress = reply.progress;
    withOthers = reply.withOthers;
  }

  function draw(): void {
    const hasImage = gridOn ? grid.show() : single.show();
    element('stage').hidden = gridOn || !hasImage;
    element('grid').hidden = !gridOn || !hasImage;
    element('answers').hidden = !hasImage;
    element('nothing').hidden = hasImage;
    if (!hasImage) drawNothing();
    const send = element<HTMLButtonElement>('send');
    send.hidden = !gridOn;
    send.disabled = grid.answered === 0;
    send.replaceChildren(`Send ${plural(grid.answered, 'answer')} `, make('kbd', {}, COMMAND_KEYS.send.shown));
    const undoable = gridOn ? grid.answered > 0 : outbox.undoable !== null;
    element<HTMLButtonElement>('undo').disabled = !undoable;
    showProgress({ progress, mine: durations.length, durations, outbox });
    element('words').hidden = !hasImage;
    if (failed instanceof Refused && failed.status === 401) trouble(failed.message);
  }

  function drawNothing(): void {
    const [title, words] = nothing();
    element('nothing-title').textContent = title;
    element('nothing-words').textContent = words;
  }

  function nothing(): [string, string] {
    if (failed)
      return failed instanceof Refused
        ? ['The run does not answer', `${failed.message} This page asks again by itself.`]
        : ['No connection', 'The server of this page does not answer. The page asks again by itself.'];
    if (!fetched) return ['One moment', 'The first images are on their way.'];
    if (withOthers > 0)
      return [
        'The last images lie before other people',
        `${plural(withOthers, 'image')}; this page shows them if they are given back.`,
      ];
    const ends: Partial<Record<NonNullable<(typeof progress)['phase']>, string>> = {
      done: 'The audit has ended',
      answered: 'Nothing more is asked',
    };
    return [(progress.phase && ends[progress.phase]) ?? 'Nothing is left to answer now', progress.words];
  }

  function trouble(words: string): void {
    element('trouble').textContent = words;
    element('trouble').hidden = false;
  }

  function onKey(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLInputElement;
    if (document.querySelector('dialog:modal') && !zoom.isOpen) return;
    if (zoom.isOpen && ['+', '=', '-'].includes(event.key)) return zoom.by(event.key === '-' ? 1 / 1.25 : 1.25);
    const meaning = meaningOf(event);
    if (meaning === null || (!shortcuts && !event.ctrlKey && !event.metaKey)) return;
    if ('class' in meaning) {
      if (typing) return;
      // Letters search where there are more classes than keys.
      if (classes.byKey === null) {
        if (!zoom.isOpen) classes.type(event.key);
      } else {
        const index = classes.byKey.get(meaning.class);
        if (index === undefined || event.repeat) return;
        choose(index, true);
      }
    } else {
      // In the search field only what can't be part of a name.
      const { command } = meaning;
      const empty = typing && event.target.value === '';
      if (typing && !(command === 'send' || (empty && command !== 'search'))) return;
      if (event.repeat && command !== 'undo') return;
      commands[command]();
    }
    event.preventDefault();
  }

  for (const [id, command] of [
    ['unsure', 'unsure'],
    ['none', 'none'],
    ['undo', 'undo'],
    ['send', 'send'],
    ['zoom-open', 'zoom'],
    ['frame', 'zoom'],
    ['grid-toggle', 'grid'],
    ['help-open', 'help'],
  ] as const)
    // A click on a verdict chooses it as the grid's brush; its key answers at once.
    element(id).addEventListener('click', () =>
      command === 'unsure' || command === 'none' ? choose(command, false) : commands[command](),
    );
  document.addEventListener('keydown', onKey);

  const help = element<HTMLDialogElement>('help-dialog');
  element('help-close').addEventListener('click', () => help.close());
  element<HTMLInputElement>('shortcuts').addEventListener('change', ({ target }) => {
    shortcuts = (target as HTMLInputElement).checked;
  });
  drawHelp(classes.byKey === null);

  const who = element('who');
  const drawWho = (): void => {
    who.hidden = false;
    who.replaceChildren(make('span', { class: 'unseen' }, 'Answering as '), by);
  };
  drawWho();
  if (session.by !== null) who.setAttribute('disabled', '');
  who.addEventListener('click', () => {
    void askName(by).then((name) => {
      outbox.flush();
      by = name;
      keepName(storage, by);
      drawWho();
    });
  });

  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') outbox.flush();
  });
  window.addEventListener('pagehide', () => outbox.flush());
  window.addEventListener('online', () => outbox.flush());
  window.addEventListener('beforeunload', (event) => {
    // Kept answers are sent by the next page; ones that are only in memory would be lost.
    if ((storage === null && outbox.pending > 0) || grid.answered > 0) event.preventDefault();
  });

  outbox.adopt(Date.now());
  await refill(true);
  // A class's button with the focus would answer at the space bar, which a reader may press to go on.
  if (classes.byKey === null) classes.focus();
  const look = async (): Promise<void> => {
    outbox.adopt(Date.now());
    await refill(true);
    later();
  };
  const later = (): void => {
    const empty = gridOn ? grid.current === null : single.current === null;
    setTimeout(() => void look(), empty ? EMPTY_LOOK_MS : LOOK_MS);
  };
  later();
}

function drawHelp(searched: boolean): void {
  const rows: [string, string][] = [
    [
      searched ? 'letters' : 'digits, letters',
      searched ? 'search a class; ↑ ↓ choose, Enter answers' : 'the class beside the key',
    ],
    [COMMAND_KEYS.unsure.shown, 'cannot tell'],
    [COMMAND_KEYS.none.shown, 'no such class'],
    [COMMAND_KEYS.undo.shown, 'undo the last answer, while it is here'],
    [COMMAND_KEYS.zoom.shown, 'zoom; + and - change the scale, Esc closes'],
    [COMMAND_KEYS.grid.shown, 'grid: many images at a time'],
    ['← ↑ → ↓', 'move in the grid'],
    [COMMAND_KEYS.send.shown, 'send the grid’s answers'],
  ];
  element('help-keys').replaceChildren(
    ...rows.flatMap(([key, what]) => [make('dt', {}, make('kbd', {}, key)), make('dd', {}, what)]),
  );
}

begin().catch((error: unknown) => {
  element('trouble').textContent =
    error instanceof Refused
      ? error.message
      : `The page could not begin: ${error instanceof Error ? error.message : String(error)}. Load it again.`;
  element('trouble').hidden = false;
});
