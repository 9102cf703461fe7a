/**
 * The parts of a chart as plain SVG. No script, no font, no dependency.
 *
 * Colours suit light and dark pages: the text takes the reader's colour.
 */

export const CHART_WIDTH = 720;
export const BAR_HEIGHT = 16;
export const FIRST_COLOUR = "#0f9d8f";
export const OTHER_COLOURS = ["#8a94a6", "#b08968", "#7d83c9", "#c27ba0", "#6aa84f", "#a0a0a0"];

/** `12,345.6` with as many decimals as asked. */
export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `title`: its heading, and what a screen reader says. */
export function svgImage(title: string, height: number, parts: readonly string[]): string {
  // The font is the image's, so that an attribute of a text can be bolder than that.
  const style = "svg{font:12px system-ui,sans-serif}text{fill:#24292f}line{stroke:#24292f}";
  const dark = "@media(prefers-color-scheme:dark){text{fill:#e6edf3}line{stroke:#e6edf3}}";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${CHART_WIDTH} ${Math.ceil(height)}" width="${CHART_WIDTH}" role="img">`,
    `<title>${escapeMarkup(title)}</title>`,
    `<style>${style}${dark}</style>`,
    svgText(0, 18, title, 'font-weight="600" font-size="14"'),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

export function svgText(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeMarkup(content)}</text>`;
}

export function svgBar(x: number, y: number, width: number, fill: string): string {
  return `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" fill="${fill}"/>`;
}

export function svgLine(x1: number, y1: number, x2: number, y2: number, opacity = 0.7): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((each) => each.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" opacity="${opacity}"/>`;
}

/** For the text and the attributes of XML and HTML. */
export function escapeMarkup(content: string): string {
  return content
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
