import { element } from './dom.js';
import { imageAddress, type Loaded } from './deck.js';

const STEP = 1.25;
const LEAST = 0.05;
const MOST = 40;

/** The image at its own size, to look around in: wheel, keys and dragging. */
export class Zoom {
  private readonly dialog = element<HTMLDialogElement>('zoom-dialog');
  private readonly pane = element('zoom-pane');
  private image: HTMLImageElement | null = null;
  private scale = 1;

  constructor() {
    element('zoom-in').addEventListener('click', () => this.by(STEP));
    element('zoom-out').addEventListener('click', () => this.by(1 / STEP));
    element('zoom-close').addEventListener('click', () => this.close());
    this.pane.addEventListener('wheel', (event) => this.onWheel(event), { passive: false });
    this.dialog.addEventListener('close', () => this.pane.replaceChildren());
    this.dialog.addEventListener('click', (event) => {
      if (event.target === this.dialog) this.close();
    });
    this.dragging();
  }

  get isOpen(): boolean {
    return this.dialog.open;
  }

  open({ card, image: view }: Loaded): void {
    const image = new Image();
    image.alt = view.alt;
    image.draggable = false;
    image.className = view.className;
    image.addEventListener('load', () => this.fit());
    // What is there already is shown until the image at its own size has come.
    image.src = view.src;
    const full = new Image();
    full.addEventListener('load', () => {
      if (this.image === image) image.src = full.src;
    });
    full.src = imageAddress(card.id, 'full');
    this.image = image;
    this.pane.replaceChildren(image);
    this.dialog.showModal();
    this.pane.focus();
    if (image.complete) this.fit();
  }

  close(): void {
    this.dialog.close();
  }

  /** Larger or smaller, about the middle of what is seen or about a point of the screen. */
  by(factor: number, at?: { x: number; y: number }): void {
    const { image, pane } = this;
    if (image === null) return;
    const box = pane.getBoundingClientRect();
    const x = at ? at.x - box.left : box.width / 2;
    const y = at ? at.y - box.top : box.height / 2;
    const before = this.scale;
    this.set(this.scale * factor);
    const grown = this.scale / before;
    pane.scrollLeft = (pane.scrollLeft + x) * grown - x;
    pane.scrollTop = (pane.scrollTop + y) * grown - y;
  }

  /** At its own size where it is larger than the pane; else as large as fits. */
  private fit(): void {
    const { image, pane } = this;
    if (image === null || image.naturalWidth === 0) return;
    const fits = Math.min(pane.clientWidth / image.naturalWidth, pane.clientHeight / image.naturalHeight);
    this.set(Math.max(1, fits));
    pane.scrollLeft = (pane.scrollWidth - pane.clientWidth) / 2;
    pane.scrollTop = (pane.scrollHeight - pane.clientHeight) / 2;
  }

  private set(scale: number): void {
    const { image } = this;
    if (image === null) return;
    this.scale = Math.max(LEAST, Math.min(MOST, scale));
    image.style.width = `${image.naturalWidth * this.scale}px`;
    image.classList.toggle('pixels', this.scale >= 3);
    element('zoom-scale').textContent =
      `${image.naturalWidth} × ${image.naturalHeight}, ${Math.round(this.scale * 100)} %`;
  }

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    this.by(event.deltaY < 0 ? STEP : 1 / STEP, { x: event.clientX, y: event.clientY });
  }

  private dragging(): void {
    const { pane } = this;
    pane.addEventListener('pointerdown', (event) => {
      if (event.pointerType === 'touch' || event.button !== 0) return;
      pane.setPointerCapture(event.pointerId);
      pane.classList.add('dragged');
    });
    pane.addEventListener('pointermove', (event) => {
      if (!pane.hasPointerCapture(event.pointerId)) return;
      pane.scrollLeft -= event.movementX;
      pane.scrollTop -= event.movementY;
    });
    pane.addEventListener('lostpointercapture', () => pane.classList.remove('dragged'));
  }
}
