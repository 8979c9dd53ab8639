// What the Java servers answer. Targets: see README.md.
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

final class Targets {
    static final byte[] HALF = "x".repeat(500).getBytes();

    /** One exchange with any of the servers. */
    interface Exchange {
        String path();

        InputStream asked() throws IOException;

        void announceLast();

        /** Sends the head, then gives the body's stream. */
        OutputStream answer(int length) throws IOException;
    }

    static void serve(Exchange exchange) throws IOException {
        long size = exchange.asked().transferTo(OutputStream.nullOutputStream());
        String[] words = exchange.path().split("/");
        String what = words.length > 1 ? words[1] : "";
        switch (what) {
            case "wait" -> sleep(words[2]);
            case "last" -> exchange.announceLast();
            default -> { }
        }
        if (what.equals("drip")) {
            try (OutputStream body = exchange.answer(1000)) {
                body.write(HALF);
                body.flush();
                sleep(words[2]);
                body.write(HALF);
            }
            return;
        }
        byte[] text = (what.equals("read") ? Long.toString(size) : "hi").getBytes();
        try (OutputStream body = exchange.answer(text.length)) {
            body.write(text);
        }
    }

    private static void sleep(String ms) {
        try {
            Thread.sleep(Long.parseLong(ms));
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
