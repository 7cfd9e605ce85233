// Folders: those that are dropped, and those chosen in an `input[webkitdirectory]`. Each file comes with the name of its
// folder, empty for one that is in none: `{ file, folder }`.

const PICTURE_NAME = /\.(heic|heif|avif)$/i; // not every browser knows that these are pictures

export const isPicture = ({ file }) => file.type.startsWith("image/") || PICTURE_NAME.test(file.name);

// The files of the entries of a drop. Folders that cannot be read are left out.
export async function readEntries(entries) {
  const found = [];
  for (const entry of entries) await addEntry(entry, "", found);
  return found;
}

async function addEntry(entry, folder, found) {
  try {
    if (entry.isFile) {
      found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), folder });
      return;
    }
    const reader = entry.createReader();
    for (;;) { // each call returns some of the entries, and none at the end
      const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!entries.length) return;
      for (const inner of entries) await addEntry(inner, entry.name, found);
    }
  } catch {
    // It was deleted meanwhile, or may not be read.
  }
}

export function chosenFolders(input) {
  return [...input.files].map((file) => ({ file, folder: file.webkitRelativePath.split("/").at(-2) ?? "" }));
}
