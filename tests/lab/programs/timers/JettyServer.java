// java -cp ... JettyServer HOST PORT: Jetty, embedded, as it comes.
import java.net.InetSocketAddress;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.handler.AbstractHandler;

public class JettyServer {
    public static void main(String[] args) throws Exception {
        var server = new Server(new InetSocketAddress(args[0], Integer.parseInt(args[1])));
        server.setHandler(new AbstractHandler() {
            @Override
            public void handle(
                    String target, Request base, HttpServletRequest request, HttpServletResponse response)
                    throws java.io.IOException {
                base.setHandled(true);
                response.getWriter().print("hi");
            }
        });
        server.start();
        server.join();
    }
}
