import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// `npm run build` puts the page where the server looks for it; `vite` alone asks a server on port 8000.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: '../anyres/server/page',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8000' } },
});
