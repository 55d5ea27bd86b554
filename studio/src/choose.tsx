// A picture dropped, pasted or chosen, and sent to the server, which says what it is.
import { type DragEvent, useCallback, useEffect, useRef, useState } from 'react';
import { Alert } from './alert';
import * as api from './api';
import { useWords } from './words';

interface Props {
  about: api.About;
  picture: api.Picture | null;
  chosen: (picture: api.Picture) => void;
  label?: string; // where there are several: what this one is. None of them is meant by pasting
}

export function Choose({ about, picture, chosen, label }: Props) {
  const words = useWords();
  const input = useRef<HTMLInputElement>(null);
  const sending = useRef<AbortController | null>(null);
  const [fraction, setFraction] = useState<number | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isOver, setOver] = useState(false);
  const { upload_megabytes: most, picture_megapixels: pixels } = about.limits;

  const send = useCallback(
    async (files: FileList | File[]) => {
      const [file] = files;
      if (!file) return;
      sending.current?.abort();
      setNotice(files.length > 1 ? words.several : null);
      if (file.size > most * 1e6) {
        setProblem(words.tooLarge(file.size / 1e6, most));
        return;
      }
      setProblem(null);
      const own = new AbortController();
      sending.current = own;
      setFraction(0);
      try {
        chosen(await api.upload(file, setFraction, own.signal));
      } catch (error) {
        if (!api.isAbort(error)) setProblem(named(file, api.messageOf(error)));
      } finally {
        if (sending.current === own) setFraction(null);
      }
    },
    [chosen, most, words],
  );

  useEffect(() => {
    const pasted = (event: ClipboardEvent) => {
      if (label === undefined && event.clipboardData?.files.length) {
        event.preventDefault();
        void send(event.clipboardData.files);
      }
    };
    // A drop beside the card must not make the browser leave the page.
    const stay = (event: Event) => event.preventDefault();
    addEventListener('paste', pasted);
    addEventListener('dragover', stay);
    addEventListener('drop', stay);
    return () => {
      removeEventListener('paste', pasted);
      removeEventListener('dragover', stay);
      removeEventListener('drop', stay);
    };
  }, [send, label]);

  const dropped = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void send(event.dataTransfer.files);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button is the first
    <div
      className={`card choose ${isOver ? 'over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={dropped}
      data-testid="choose"
    >
      {label && <h2>{label}</h2>}
      {picture && (
        <p className="chosen">
          <img src={api.previewUrl(picture.id, 128)} alt="" />
          <span>
            <strong>{picture.name}</strong>
            <br />
            <span className="quiet">
              {picture.width} × {picture.height}, {(picture.bytes / 1e6).toFixed(2)} MB
            </span>
          </span>
        </p>
      )}
      {!picture && <p>{isOver ? words.dropNow : label ? words.dropOne : words.drop}</p>}
      <input
        ref={input}
        type="file"
        accept="image/*,.heic,.avif,.tif,.tiff"
        hidden
        onChange={(event) => {
          void send([...(event.target.files ?? [])]);
          event.target.value = ''; // the same file may be chosen again
        }}
      />
      {fraction === null ? (
        <button
          type="button"
          className={picture ? '' : 'main'}
          aria-label={label && `${label}: ${picture ? words.another : words.choose}`}
          onClick={() => input.current?.click()}
        >
          {picture ? words.another : words.choose}
        </button>
      ) : (
        <p className="row">
          <progress value={fraction} aria-label={words.uploading} />
          <button type="button" onClick={() => sending.current?.abort()}>
            {words.stopUpload}
          </button>
        </p>
      )}
      <p className="quiet">{words.limits(most, pixels)}</p>
      {notice && <p className="notice">{notice}</p>}
      <Alert text={problem} />
    </div>
  );
}

/** A message that says which file it is about. */
function named(file: File, message: string): string {
  return message.includes(file.name) ? message : `${file.name}: ${message}`;
}
