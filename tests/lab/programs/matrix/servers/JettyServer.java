// java JettyServer HOST PORT HASTY: Jetty, embedded.
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.AbstractHandler;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

public class JettyServer {
    record Servlet(HttpServletRequest request, HttpServletResponse response) implements Targets.Exchange {
        public String path() {
            return request.getRequestURI();
        }

        public InputStream asked() throws IOException {
            return request.getInputStream();
        }

        public void announceLast() {
            response.setHeader("Connection", "close");
        }

        public OutputStream answer(int length) throws IOException {
            response.setContentLength(length);
            return response.getOutputStream();
        }
    }

    public static void main(String[] args) throws Exception {
        var server = new Server(new QueuedThreadPool(300));
        var connector = new ServerConnector(server);
        connector.setHost(args[0]);
        connector.setPort(Integer.parseInt(args[1]));
        connector.setAcceptQueueSize(1024);
        connector.setIdleTimeout(args[2].equals("1") ? 2000 : 120_000);
        server.addConnector(connector);
        server.setHandler(new AbstractHandler() {
            @Override
            public void handle(String at, Request base, HttpServletRequest request, HttpServletResponse response)
                    throws IOException {
                base.setHandled(true);
                Targets.serve(new Servlet(request, response));
            }
        });
        server.setStopTimeout(2000);
        server.setStopAtShutdown(true);
        server.start();
        server.join();
    }
}
