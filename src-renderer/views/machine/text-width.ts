/** How wide a label will be: measured with the font it is drawn in, remembered by text. */

const captionFont = '11px system-ui, "Adwaita Sans", Cantarell, "Noto Sans", sans-serif';
const maxRemembered = 2000;
const remembered = new Map<string, number>();
let pen: CanvasRenderingContext2D | null = null;

/** Pixels a caption takes; a guess from its length where nothing can be measured. */
export function captionWidth(text: string): number {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  pen ??= document.createElement('canvas').getContext('2d');
  if (pen === null) return text.length * 6.2;
  pen.font = captionFont;
  const width = pen.measureText(text).width;
  if (remembered.size >= maxRemembered) remembered.clear();
  remembered.set(text, width);
  return width;
}
