// The state of a ranking. Pure: every function takes a state and gives a new one.
//
// A state is {tokens, rest, strength}. `tokens` is the sentence as it is read, best first: an array of groups (arrays of letters, a tie
// inside a group) and at most one LINE. Left of the line is good enough, right of it is not. `rest` says what the unranked answers are.
// `strength` is null (not asked for) or {"B>A": 0–3}, keyed by the last letter before and the first letter after the step.

export const LINE = "|";
export const STRENGTH_DEFAULT = 1;

export const empty = () => ({ tokens: [], rest: "unjudged", strength: null });
export const groups = (state) => state.tokens.filter((token) => token !== LINE);
export const ranked = (state) => groups(state).flat();
export const lineAt = (state) => {
  const at = state.tokens.indexOf(LINE);
  return at < 0 ? null : at;
};

export function fromDocument(doc) {
  const tokens = (doc.ranking || []).map((group) => [...group]);
  const state = { tokens, rest: doc.rest || "unjudged", strength: null };
  if (doc.strength && doc.strength.length === tokens.length - 1) {
    state.strength = {};
    doc.strength.forEach((value, i) => (state.strength[step(tokens[i], tokens[i + 1])] = value));
  }
  if (Number.isInteger(doc.acceptable) && doc.acceptable <= tokens.length) state.tokens = [...tokens.slice(0, doc.acceptable), LINE, ...tokens.slice(doc.acceptable)];
  return state;
}

/** The ranking's part of a document; keys that say nothing are left out. `letters` are all the answers shown. */
export function toDocument(state, letters) {
  const ranking = groups(state);
  const doc = {};
  if (ranking.length) doc.ranking = ranking.map((group) => [...group]);
  const line = lineAt(state);
  if (line !== null) doc.acceptable = line;
  if (state.rest === "worse" && ranked(state).length < letters.length) doc.rest = "worse";
  if (state.strength && ranking.length > 1) doc.strength = ranking.slice(1).map((group, i) => strengthOf(state, ranking[i], group));
  return doc;
}

const step = (before, after) => `${before[before.length - 1]}>${after[0]}`;
export const strengthOf = (state, before, after) => (state.strength || {})[step(before, after)] ?? STRENGTH_DEFAULT;

function without(tokens, letter) {
  if (letter === LINE) return tokens.filter((token) => token !== LINE);
  return tokens.map((token) => (token === LINE ? token : token.filter((l) => l !== letter))).filter((token) => token === LINE || token.length);
}

/** The next best answer. An answer that already stands in the sentence is taken out of it again. */
export function add(state, letter) {
  const tokens = ranked(state).includes(letter) ? without(state.tokens, letter) : [...state.tokens, [letter]];
  return { ...state, tokens };
}

/** As good as the group before. */
export function tie(state, letter) {
  const tokens = without(state.tokens, letter).map((token) => (token === LINE ? token : [...token]));
  const last = tokens.filter((token) => token !== LINE).pop();
  if (last) last.push(letter);
  else tokens.push([letter]);
  return { ...state, tokens };
}

/** Draw the line here, at the end of what is written; drawn here already, it is taken away. Once all `letters` stand in the sentence, there is no
 *  other end to draw it at: each further time it moves one place to the left, and from the front it goes. */
export function drawLine(state, letters) {
  const at = lineAt(state);
  const whole = ranked(state).length === letters.length;
  if (whole && at > 0) return shift(state, LINE, -1);
  const tokens = without(state.tokens, LINE);
  const gone = at !== null && (whole || at === tokens.length);
  return { ...state, tokens: gone ? tokens : [...tokens, LINE] };
}

export function noneAcceptable(state) {
  const tokens = without(state.tokens, LINE);
  return { ...state, tokens: state.tokens[0] === LINE ? tokens : [LINE, ...tokens] };
}

/** Take back the last letter or the line, whichever was written last. */
export function back(state) {
  const tokens = [...state.tokens];
  const last = tokens.pop();
  if (last !== undefined && last !== LINE && last.length > 1) tokens.push(last.slice(0, -1));
  return { ...state, tokens };
}

export const takeOut = (state, what) => ({ ...state, tokens: without(state.tokens, what) });

/** Put a letter (or the line) before token `index` of the sentence without it, or with `into` inside that group. */
export function place(state, what, index, into = false) {
  const tokens = without(state.tokens, what).map((token) => (token === LINE ? token : [...token]));
  if (into && what !== LINE && tokens[index] && tokens[index] !== LINE) tokens[index].push(what);
  else tokens.splice(Math.max(0, Math.min(index, tokens.length)), 0, what === LINE ? LINE : [what]);
  return { ...state, tokens };
}

/** Move a letter (or the line) one place to the left (-1) or right (+1): out of a tie first, then past its neighbour. */
export function shift(state, what, by) {
  const at = state.tokens.findIndex((token) => (token === LINE ? what === LINE : token.includes(what)));
  if (at < 0) return state;
  if (what !== LINE && state.tokens[at].length > 1) {
    const tokens = state.tokens.map((token, i) => (i === at ? token.filter((l) => l !== what) : token));
    tokens.splice(by < 0 ? at : at + 1, 0, [what]);
    return { ...state, tokens };
  }
  return place(state, what, at + by);
}

export const toggleRest = (state) => ({ ...state, rest: state.rest === "worse" ? "unjudged" : "worse" });
export const toggleStrength = (state) => ({ ...state, strength: state.strength ? null : {} });

/** The next strength of the step between two neighbouring groups: 1, 2, 3, 0, 1 … */
export function cycleStrength(state, before, after) {
  return { ...state, strength: { ...(state.strength || {}), [step(before, after)]: (strengthOf(state, before, after) + 1) % 4 } };
}

/** The sentence in signs: "B › A = D | C". */
export function sentence(state, restWord = "") {
  const parts = [];
  state.tokens.forEach((token, i) => {
    if (token === LINE) parts.push("|");
    else {
      if (i > 0 && state.tokens[i - 1] !== LINE) parts.push("›");
      parts.push(token.join(" = "));
    }
  });
  if (restWord) parts.push("›", restWord);
  return parts.join(" ");
}

/** The answers in order of rank, unranked ones last in the order shown. */
export const byRank = (state, letters) => [...ranked(state), ...letters.filter((l) => !ranked(state).includes(l))];

/** What keeps a ranking from being submitted (a key of the strings), or null. */
export function incomplete(state, letters) {
  const line = lineAt(state);
  const named = ranked(state);
  if (!named.length && line !== 0) return "rank_one";
  if (named.length === 1 && letters.length > 1 && state.rest !== "worse" && line === null) return "rank_another";
  return null;
}

/** The groups from best to worst, with the unranked ones last where they are said to be worse. */
function ordered(state, letters) {
  const rest = letters.filter((letter) => !ranked(state).includes(letter));
  return state.rest === "worse" && rest.length ? [...groups(state), rest] : groups(state);
}

/** Whose criteria are rated where only the ends are: the best group and the worst, best first. */
export function ends(state, letters) {
  const order = ordered(state, letters);
  return order.length ? [...new Set([...order[0], ...order[order.length - 1]])] : [];
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Whether ratings say the opposite of a rank: over what both were rated on, `high` is nowhere above `low` and somewhere below it, or lower by a
 *  whole point on average. One criterion may well be lower in the better answer. */
function ratedLower(high = {}, low = {}) {
  const both = Object.keys(high).filter((key) => high[key] && low[key]);
  if (!both.length) return false;
  const apart = both.map((key) => high[key] - low[key]);
  return mean(apart) <= -1 || (apart.every((by) => by <= 0) && apart.some((by) => by < 0));
}

/** Soft contradictions between rank and ratings: [[better, worse], …] where the better-ranked one is rated lower. */
export function contradictions(state, letters, ratings = {}) {
  const out = [];
  const order = ordered(state, letters);
  order.forEach((group, i) => {
    for (const a of group) for (const b of order.slice(i + 1).flat()) if (ratedLower(ratings[a], ratings[b])) out.push([a, b]);
  });
  return out;
}

/** Soft contradictions between the line and ratings: {low: letters above the line with no rating over 2, high: ranked ones below it with none under 4}. */
export function lineContradictions(state, ratings = {}) {
  const line = lineAt(state);
  if (line === null) return { low: [], high: [] };
  const order = groups(state);
  const all = (letter, fits) => {
    const given = Object.values(ratings[letter] || {}).filter(Boolean);
    return given.length > 0 && given.every(fits);
  };
  return {
    low: order.slice(0, line).flat().filter((letter) => all(letter, (value) => value <= 2)),
    high: order.slice(line).flat().filter((letter) => all(letter, (value) => value >= 4)),
  };
}
