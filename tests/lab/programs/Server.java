// java Server.java HOST PORT
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

public class Server {
    public static void main(String[] args) throws Exception {
        var at = new InetSocketAddress(args[0], Integer.parseInt(args[1]));
        var server = HttpServer.create(at, 256);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", Server::handle);
        server.start();
    }

    static void handle(HttpExchange exchange) throws IOException {
        var path = exchange.getRequestURI().getPath();
        if (path.equals("/early")) {
            answer(exchange, "early");
            return;
        }
        exchange.getRequestBody().readAllBytes();
        switch (path) {
            case "/sleep" -> sleep();
            case "/slow" -> stream(exchange, 100_000, 1000);
            case "/slow-chunked" -> stream(exchange, 0, 5);
            case "/chunked" -> {
                exchange.sendResponseHeaders(200, 0);
                try (OutputStream body = exchange.getResponseBody()) {
                    body.write("one".getBytes());
                    body.flush();
                    body.write("two".getBytes());
                }
            }
            case "/large" -> stream(exchange, 100_000_000, 100_000_000);
            case "/empty" -> none(exchange, 204);
            case "/unchanged" -> none(exchange, 304);
            default -> answer(exchange, "hi");
        }
    }

    static void answer(HttpExchange exchange, String text) throws IOException {
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", "" + text.length());
            none(exchange, 200);
            return;
        }
        exchange.sendResponseHeaders(200, text.length());
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(text.getBytes());
        }
    }

    static void none(HttpExchange exchange, int status) throws IOException {
        exchange.sendResponseHeaders(status, -1);
        exchange.close();
    }

    static void stream(HttpExchange exchange, long length, int now) throws IOException {
        exchange.sendResponseHeaders(200, length);
        OutputStream body = exchange.getResponseBody();
        body.write(new byte[now]);
        body.flush();
        sleep();
    }

    static void sleep() {
        try {
            Thread.sleep(60_000);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
